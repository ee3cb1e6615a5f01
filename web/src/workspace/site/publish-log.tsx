// What a publish printed, live; it follows its end until somebody scrolls up.
import i18next from "i18next";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import { withoutEscapes } from "../log/log-lines";
import { droppedLines, type Feed } from "./publish-feed";
import styles from "./publish-log.module.css";

const AT_END_PX = 24;

export function PublishLog({ feed, isOver }: { feed: Feed; isOver: boolean }) {
  const { t } = useTranslation("site");
  const { lines, connection, ended } = feed;
  const list = useRef<HTMLOListElement>(null);
  const [following, setFollowing] = useState(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: follows what is new
  useEffect(() => {
    if (following && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines, following]);
  // What is above it grows and shrinks.
  useEffect(() => {
    const element = list.current;
    if (!element || !following) return;
    const toEnd = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight;
    });
    toEnd.observe(element);
    return () => toEnd.disconnect();
  }, [following]);
  const onScroll = () => {
    const element = list.current;
    if (!element) return;
    setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX);
  };
  const dropped = droppedLines(feed);
  return (
    <div className={styles.log}>
      <ol
        ref={list}
        className={styles.lines}
        role="log"
        // Read aloud line by line it would drown what matters; the steps are announced.
        aria-live="off"
        aria-label={t("publish.logLabel")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
        data-testid="publish-log"
      >
        {lines.length === 0 && <li className={styles.quiet}>{emptyWords(feed, isOver)}</li>}
        {dropped > 0 && <li className={styles.quiet}>{t("publish.logDropped", { count: dropped })}</li>}
        {lines.map((line) => (
          <li key={line.seq} className={styles.line} data-stderr={line.is_stderr}>
            {withoutEscapes(line.text)}
          </li>
        ))}
        {connection === "lost" && !ended && <li className={styles.quiet}>{t("publish.logReconnecting")}</li>}
      </ol>
      {!following && (
        <span className={styles.follow}>
          <Button small onClick={() => setFollowing(true)}>
            {t("publish.logFollow")}
          </Button>
        </span>
      )}
    </div>
  );
}

function emptyWords({ connection, ended }: Feed, isOver: boolean): string {
  if (ended) return i18next.t("site:publish.logEmpty");
  if (connection === "connecting") return i18next.t("site:publish.logConnecting");
  return isOver ? i18next.t("site:publish.logEmpty") : i18next.t("site:publish.logWaiting");
}
