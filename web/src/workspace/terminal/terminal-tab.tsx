// A command line for the app's sandbox. Each command runs on its own: it is no shell session, and says so.
import type { TFunction } from "i18next";
import { type FormEvent, type KeyboardEvent, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import { durationOf } from "../../components/format";
import drawer from "../drawer/drawer.module.css";
import { AnsiText } from "../log/ansi-text";
import { WindowedList } from "../log/windowed-list";
import type { Exit } from "./run-command";
import styles from "./terminal.module.css";
import { historyStep, type TerminalRow } from "./terminal-log";
import { terminalOf } from "./terminal-store";

const ROW_PX = 19;
const keyOf = ({ key }: TerminalRow) => key;

export function TerminalTab({ app }: { app: string }) {
  const { t } = useTranslation("drawer");
  const terminal = terminalOf(app);
  const { log, history, isRunning } = useSyncExternalStore(terminal.subscribe, () => terminal.state);
  return (
    <>
      <div className={drawer.tools}>
        <span className={drawer.quiet}>{t("terminal.intro")}</span>
        <span className={drawer.space} />
        {isRunning && (
          <Button small onClick={() => terminal.stop()} data-testid="terminal-stop">
            {t("terminal.stop")}
          </Button>
        )}
        <Button small onClick={() => terminal.clear()}>
          {t("clear")}
        </Button>
      </div>
      <WindowedList
        rows={log.rows}
        keyOf={keyOf}
        rowPx={ROW_PX}
        label={t("terminal.output")}
        empty={t("terminal.empty")}
        testId="terminal"
      >
        {(row) => <Row row={row} />}
      </WindowedList>
      <Line
        history={history}
        isRunning={isRunning}
        onRun={(line) => void terminal.run(line)}
        onStop={() => terminal.stop()}
        onClear={() => terminal.clear()}
      />
    </>
  );
}

interface LineProps {
  history: readonly string[];
  isRunning: boolean;
  onRun: (line: string) => void;
  onStop: () => void;
  onClear: () => void;
}

function Line({ history, isRunning, onRun, onStop, onClear }: LineProps) {
  const { t } = useTranslation("drawer");
  const [typed, setTyped] = useState("");
  /** Where in the history; what was typed before going there is kept for the way back. */
  const [at, setAt] = useState<number>();
  const kept = useRef("");
  const set = (text: string) => {
    setTyped(text);
    setAt(undefined);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isRunning || typed.trim() === "") return;
    onRun(typed);
    set("");
  };
  const walk = (step: -1 | 1) => {
    const from = at ?? history.length;
    if (at === undefined) kept.current = typed;
    const to = historyStep(history.length, from, step);
    setAt(to === history.length ? undefined : to);
    setTyped(history[to] ?? kept.current);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const { key, ctrlKey } = event;
    const { selectionStart, selectionEnd } = event.currentTarget;
    // With something selected it means: copy.
    const stops = ctrlKey && key === "c" && selectionStart === selectionEnd;
    if (stops && isRunning) onStop();
    else if (stops) set("");
    else if (ctrlKey && key === "l") onClear();
    else if (key === "ArrowUp") walk(-1);
    else if (key === "ArrowDown") walk(1);
    else return;
    event.preventDefault();
  };
  return (
    <form className={styles.line} onSubmit={submit}>
      <span className={styles.prompt} aria-hidden="true">
        $
      </span>
      <input
        className={styles.input}
        aria-label={t("terminal.line")}
        placeholder={isRunning ? t("terminal.running") : t("terminal.placeholder")}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={typed}
        onChange={(event) => set(event.target.value)}
        onKeyDown={onKeyDown}
        data-testid="terminal-line"
      />
    </form>
  );
}

function Row({ row }: { row: TerminalRow }) {
  const { t } = useTranslation("drawer");
  if (row.kind === "command") {
    return (
      <div className={styles.command}>
        <span className={styles.prompt} aria-hidden="true">
          $
        </span>
        <span>{row.text}</span>
        {row.isShell && <span className={styles.aside}>{t("terminal.throughShell")}</span>}
      </div>
    );
  }
  if (row.kind === "stdout" || row.kind === "stderr") {
    return (
      <div className={styles.output} data-stream={row.kind}>
        <AnsiText text={row.text} />
      </div>
    );
  }
  if (row.kind === "exit") return <Ending exit={row.exit} />;
  if (row.kind === "fault") {
    return (
      <div className={styles.ending} data-bad="true">
        {row.title}. {row.detail}
      </div>
    );
  }
  return <div className={styles.ending}>{t(`terminal.${row.kind}`)}</div>;
}

function Ending({ exit }: { exit: Exit }) {
  const { t } = useTranslation("drawer");
  const { code, truncated } = exit;
  return (
    <div className={styles.ending} data-bad={code !== 0} data-testid="terminal-exit" data-code={code}>
      {endingWords(t, exit)}
      {truncated && ` ${t("terminal.truncated")}`}
    </div>
  );
}

function endingWords(t: TFunction<"drawer">, exit: Exit): string {
  const { code, signal, timed_out, out_of_memory, duration_ms } = exit;
  const time = durationOf(duration_ms);
  if (timed_out) return t("terminal.timedOut", { time });
  if (out_of_memory) return t("terminal.outOfMemory", { time });
  if (code === undefined) return t("terminal.signal", { signal: signal ?? "?", time });
  return t("terminal.exit", { code, time });
}
