// A titled part of a page or panel, on a card of its own.
import { type ReactNode, useId } from "react";
import card from "./card.module.css";
import styles from "./section.module.css";

interface SectionProps {
  title: string;
  hint?: ReactNode;
  children: ReactNode;
  testId?: string;
}

export function Section({ title, hint, children, testId }: SectionProps) {
  const id = useId();
  return (
    <section className={card.card} aria-labelledby={id} data-testid={testId}>
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
