// A secret or link that is shown this once, with the way to copy it.
import { useEffect, useRef } from "react";
import { CopyButton } from "./copy-button";
import styles from "./rows.module.css";

interface OnceProps {
  words: string;
  text: string;
  copy: string;
}

export function Once({ words, text, copy }: OnceProps) {
  const box = useRef<HTMLDivElement>(null);
  // Whoever made it comes here next, and hears it.
  useEffect(() => box.current?.focus(), []);
  return (
    <div ref={box} className={styles.once} tabIndex={-1} role="status" data-testid="shown-once">
      <p>{words}</p>
      <code>{text}</code>
      <span className={styles.actions}>
        <CopyButton text={text} label={copy} />
      </span>
    </div>
  );
}
