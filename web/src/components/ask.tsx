// A button whose deed cannot be taken back: it asks in its own row before it is done.
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./button";
import { ProblemNotice } from "./notice";
import styles from "./rows.module.css";

interface AskProps {
  words: string;
  /** What it is done to, for those who do not see the row. */
  label: string;
  question: string;
  onYes: () => void;
  isPending: boolean;
  error: Error | null;
}

/** To be put last into a row: the question takes a line of its own. */
export function Ask({ words, label, question, onYes, isPending, error }: AskProps) {
  const { t } = useTranslation("common");
  const [isAsking, setAsking] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const keep = () => {
    setAsking(false);
    button.current?.focus();
  };
  return (
    <>
      <Button
        ref={button}
        small
        aria-label={label}
        aria-expanded={isAsking}
        onClick={() => setAsking(!isAsking)}
      >
        {words}
      </Button>
      {isAsking && (
        // biome-ignore lint/a11y/noStaticElementInteractions: Escape is a second way out, beside the button
        <div className={styles.question} onKeyDown={(event) => event.key === "Escape" && keep()}>
          <p>{question}</p>
          <Button small look="danger" disabled={isPending} onClick={onYes}>
            {words}
          </Button>
          <Button small autoFocus onClick={keep}>
            {t("cancel")}
          </Button>
        </div>
      )}
      {error && <ProblemNotice error={error} />}
    </>
  );
}
