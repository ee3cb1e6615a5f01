// A titled part of a page or panel, on a card of its own.
import { type ReactNode, useId } from "react";
import card from "./card.module.css";
import styles from "./section.module.css";
import { useKeptFocus } from "./use-kept-focus";

interface SectionProps {
  title: string;
  hint?: ReactNode;
  children: ReactNode;
  testId?: string;
}

export function Section({ title, hint, children, testId }: SectionProps) {
  const id = useId();
  const part = useKeptFocus<HTMLElement>();
  return (
    <section
      ref={part}
      className={`${card.card} ${styles.section}`}
      tabIndex={-1}
      aria-labelledby={id}
      data-testid={testId}
    >
      <div>
        <h2 id={id} className={styles.title}>
          {title}
        </h2>
        {hint !== undefined && <p className={styles.hint}>{hint}</p>}
      </div>
      {children}
    </section>
  );
}
