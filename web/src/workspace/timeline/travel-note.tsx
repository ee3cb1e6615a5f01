// What became of the last undo, redo or restore, for as long as it is news.
import { useEffect } from "react";
import { asProblem } from "../../api/problem";
import styles from "./travel-note.module.css";
import type { Travel } from "./use-travel";

/** Long enough to be read twice. */
const NEWS_MS = 6_000;

export function TravelNote({ travel }: { travel: Travel }) {
  const { note, error, forget } = travel;
  const words = note ?? (error ? asProblem(error).title : undefined);
  useEffect(() => {
    if (words === undefined) return;
    const timer = setTimeout(forget, NEWS_MS);
    return () => clearTimeout(timer);
  }, [words, forget]);
  return (
    <span role="status" className={styles.note} data-fault={error !== null} data-testid="travel-note">
      {words}
    </span>
  );
}
