// The server's log: package manager, dev server, and Vitrine itself.
import { useEffect, useRef, useState } from "react";
import { Button, IconButton } from "../../components/button";
import { strings } from "../../strings";
import styles from "./log.module.css";
import { withoutEscapes } from "./log-lines";
import { useLog } from "./use-log";

const text = strings.log;
const AT_END_PX = 24;

interface LogDrawerProps {
  app: string;
  session: string | undefined;
  onRestart: () => void;
  onClose: () => void;
}

export function LogDrawer({ app, session, onRestart, onClose }: LogDrawerProps) {
  const { lines, connection, clear } = useLog(app, session, true);
  const list = useRef<HTMLOListElement>(null);
  const [following, setFollowing] = useState(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: follows what is new
  useEffect(() => {
    if (following && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines, following]);
  const onScroll = () => {
    const element = list.current;
    if (!element) return;
    setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX);
  };
  return (
    <section className={styles.drawer} aria-label={text.label} data-testid="logs">
      <header className={styles.header}>
        <h2>{text.label}</h2>
        {connection === "lost" && <span className={styles.quiet}>{text.reconnecting}</span>}
        <span className={styles.actions}>
          {!following && (
            <Button small onClick={() => setFollowing(true)}>
              {text.follow}
            </Button>
          )}
          <Button small onClick={clear}>
            {text.clear}
          </Button>
          <Button small onClick={onRestart}>
            {strings.session.restart}
          </Button>
          <span className={styles.close}>
            <IconButton small icon="close" label={text.hide} onClick={onClose} />
          </span>
        </span>
      </header>
      <ol
        ref={list}
        className={styles.lines}
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
        aria-label={text.label}
      >
        {lines.length === 0 && (
          <li className={styles.quiet}>{connection === "connecting" ? text.connecting : text.empty}</li>
        )}
        {lines.map((line) => (
          <li key={line.seq} className={styles.line} data-source={line.source}>
            <time dateTime={line.at}>{clockOf(line.at)}</time>
            <span className={styles.source}>{text.sources[line.source]}</span>
            <span className={styles.text}>{withoutEscapes(line.text)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function clockOf(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "" : clock.format(at);
}
