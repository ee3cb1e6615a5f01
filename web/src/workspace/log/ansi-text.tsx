// A line of a terminal in its colours.
import { memo } from "react";
import { spansOf } from "./ansi";
import styles from "./log.module.css";

/** What is longer is no line that anybody reads, and would hold up the page. */
const MAX_CHARS = 8_000;

export const AnsiText = memo(function AnsiText({ text }: { text: string }) {
  return spansOf(text.slice(0, MAX_CHARS)).map(({ text: words, colour, back, ...look }, index) => (
    <span
      // biome-ignore lint/suspicious/noArrayIndexKey: the spans of a line never move
      key={index}
      className={styles.span}
      data-colour={colour}
      data-back={back}
      data-bold={look.bold}
      data-dim={look.dim}
      data-italic={look.italic}
      data-underline={look.underline}
    >
      {words}
    </span>
  ));
});
