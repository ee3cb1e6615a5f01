// What runs on the server's machine and what it costs, for whoever runs it.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { asProblem } from "../../api/problem";
import type { MachineView } from "../../api/types";
import { useCommands } from "../../commands/commands";
import { Button } from "../../components/button";
import { countOf, timeOf } from "../../components/format";
import { Empty, ProblemNotice } from "../../components/notice";
import { PageFrame, PageTitle } from "../page-frame";
import { useMe } from "../use-me";
import type { Load } from "./figures";
import { MemoryPanel } from "./memory-panel";
import styles from "./page.module.css";
import { PreviewTable } from "./preview-table";
import { ProcessorPanel } from "./processor-panel";
import { SessionsPanel } from "./sessions-panel";
import { SincePanel } from "./since-panel";
import { useMachine } from "./use-machine";

export default function MachinePage() {
  const { t } = useTranslation("machine");
  const me = useMe();
  const isAllowed = me.data?.runs_server ?? false;
  return (
    <PageFrame page="machine" title={t("title")}>
      {isAllowed ? <Watched /> : <Refused />}
    </PageFrame>
  );
}

function Refused() {
  const { t } = useTranslation(["machine", "common"]);
  return (
    <>
      <PageTitle title={t("title")} />
      <Empty title={t("refusedTitle")} actions={<Link href="/">{t("common:home")}</Link>}>
        {t("refused")}
      </Empty>
    </>
  );
}

function Watched() {
  const { t } = useTranslation(["machine", "common"]);
  const [isPaused, setPaused] = useState(false);
  const { data, error, refetch } = useMachine(isPaused);
  const words = isPaused ? t("resume") : t("pause");
  useCommands([{ id: "machine.pause", title: words, section: t("title"), run: () => setPaused(!isPaused) }]);
  // Whoever ran the server when the page was opened may not do so any more.
  if (error && asProblem(error).status === 403) return <Refused />;
  const time = data && timeOf(data.machine.at);
  return (
    <>
      <PageTitle
        title={t("title")}
        actions={
          data && (
            <Button small onClick={() => setPaused(!isPaused)}>
              {words}
            </Button>
          )
        }
      >
        {data && <Lead machine={data.machine} />}
      </PageTitle>
      {!data && !error && <p role="status">{t("loading")}</p>}
      {error && (
        <div className={styles.fault}>
          <ProblemNotice
            error={error}
            actions={
              <Button small onClick={() => refetch()}>
                {t("common:tryAgain")}
              </Button>
            }
          />
        </div>
      )}
      {data && (error || isPaused) && <p className={styles.stale}>{t("stale", { time })}</p>}
      {data && <Panels machine={data.machine} load={data.load} history={data.history} />}
    </>
  );
}

interface PanelsProps {
  machine: MachineView;
  load: Load | undefined;
  history: readonly number[];
}

function Panels({ machine, load, history }: PanelsProps) {
  return (
    <>
      <div className={styles.panels}>
        <MemoryPanel machine={machine} />
        <ProcessorPanel machine={machine} share={load?.all} history={history} />
      </div>
      <SessionsPanel machine={machine} />
      <PreviewTable machine={machine} load={load} />
      <SincePanel machine={machine} />
    </>
  );
}

function Lead({ machine: { sessions } }: { machine: MachineView }) {
  const { t } = useTranslation("machine");
  const words = () => {
    if (sessions === undefined) return t("lead.unknown");
    const total = Object.values(sessions).reduce((sum, count) => sum + count, 0);
    const figures = { count: total, running: countOf(sessions.running) };
    if (total === 0) return t("lead.nobody");
    if (sessions.running === 0) return t("lead.none", figures);
    return sessions.running === total ? t("lead.all", figures) : t("lead.some", figures);
  };
  return <p data-testid="machine-lead">{words()}</p>;
}
