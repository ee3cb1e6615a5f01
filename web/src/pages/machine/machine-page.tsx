// What runs on the server's machine and what it costs, for whoever runs it.
import { type ReactNode, useEffect, useState } from "react";
import { Link } from "wouter";
import { asProblem } from "../../api/problem";
import type { MachineView } from "../../api/types";
import { Button } from "../../components/button";
import { Empty, ProblemNotice } from "../../components/notice";
import { ThemeToggle } from "../../components/theme-toggle";
import { Wordmark } from "../../components/wordmark";
import { strings } from "../../strings";
import { SignOutButton } from "../sign-out-button";
import { useMe } from "../use-me";
import { MemoryPanel } from "./memory-panel";
import styles from "./page.module.css";
import { PreviewTable } from "./preview-table";
import { ProcessorPanel } from "./processor-panel";
import { SessionsPanel } from "./sessions-panel";
import { SincePanel } from "./since-panel";
import { useMachine } from "./use-machine";

const text = strings.machine;

export default function MachinePage() {
  const me = useMe();
  const [isPaused, setPaused] = useState(false);
  const isAllowed = me.data?.runs_server ?? false;
  const seen = useMachine({ isAllowed, isPaused });
  useEffect(() => {
    document.title = `${text.title} · ${strings.product}`;
  }, []);

  const isRefused = !isAllowed || (seen.error !== null && asProblem(seen.error).status === 403);
  if (isRefused) {
    return (
      <Frame>
        <div className={styles.intro}>
          <h1>{text.title}</h1>
        </div>
        <Empty title={text.refusedTitle} actions={<Link href="/">{text.home}</Link>}>
          {text.refused}
        </Empty>
      </Frame>
    );
  }
  const again = (
    <Button small onClick={() => seen.refetch()}>
      {strings.common.tryAgain}
    </Button>
  );
  const { data } = seen;
  return (
    <Frame>
      <div className={styles.intro}>
        <div>
          <h1>{text.title}</h1>
          {data && <p data-testid="machine-lead">{leadOf(data.machine)}</p>}
        </div>
        {data && (
          <Button small onClick={() => setPaused(!isPaused)}>
            {isPaused ? text.resume : text.pause}
          </Button>
        )}
      </div>
      {!data && !seen.error && <p role="status">{text.loading}</p>}
      {seen.error && (
        <div className={styles.fault}>
          <ProblemNotice error={seen.error} actions={again} />
          {data && <p>{text.stale(new Date(data.machine.at).toLocaleTimeString())}</p>}
        </div>
      )}
      {data && (
        <>
          <div className={styles.panels}>
            <MemoryPanel machine={data.machine} />
            <ProcessorPanel cores={data.machine.cores} share={data.load?.all} history={data.history} />
          </div>
          <SessionsPanel machine={data.machine} />
          <PreviewTable machine={data.machine} load={data.load} />
          <SincePanel machine={data.machine} />
        </>
      )}
    </Frame>
  );
}

function Frame({ children }: { children: ReactNode }) {
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <Link href="/" className={styles.home} title={text.home}>
          <Wordmark />
        </Link>
        <span className={styles.actions}>
          <Link href="/" className={styles.link}>
            {text.home}
          </Link>
          <ThemeToggle />
          <SignOutButton />
        </span>
      </header>
      <main className={styles.main}>{children}</main>
    </div>
  );
}

function leadOf({ sessions }: MachineView): string {
  if (sessions === undefined) return text.leadUnknown;
  const total = Object.values(sessions).reduce((sum, count) => sum + count, 0);
  return text.lead(sessions.running, total);
}
