// The person's own preview of an app: how it is, and starting and stopping it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ensureSession, getSession, restartSession } from "../../api/calls";
import { asProblem, titleOf } from "../../api/problem";
import { stopSession } from "../../api/settings-calls";
import type { SessionView } from "../../api/types";
import { Button } from "../../components/button";
import { agoOf, dateTimeOf, durationOf, spanOf, untilOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty, ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import type { SettingsPartProps } from "./settings-panel";

const POLL_MS = 5_000;

type Deed = "start" | "restart" | "stop";

export default function Session({ app }: SettingsPartProps) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  // A key of its own: null is an answer here, and the workspace wants a session in its place.
  const queryKey = ["session-settings", app.id];
  const session = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      getSession(app.id, signal).catch((error: unknown) => {
        if (asProblem(error).status === 404) return null;
        throw error;
      }),
    refetchInterval: POLL_MS,
  });
  const act = useMutation({
    mutationFn: async (deed: Deed) => {
      if (deed === "start") await ensureSession(app.id);
      else if (deed === "restart") await restartSession(app.id);
      else await stopSession(app.id);
    },
    onSettled: () =>
      Promise.all(
        [queryKey, ["session", app.id]].map((key) => queryClient.invalidateQueries({ queryKey: key })),
      ),
  });
  const button = (deed: Deed) => (
    <Button small disabled={act.isPending} onClick={() => act.mutate(deed)}>
      {t(`session.${deed}`)}
    </Button>
  );
  return (
    <Section title={t("session.title")} hint={t("session.hint")} testId="session-settings">
      <Loaded query={session} loading={t("session.loading")}>
        {(view) =>
          view === null || isOver(view) ? (
            <Empty isQuiet title={t("session.none")} actions={button("start")}>
              {t("session.noneHint")}
            </Empty>
          ) : (
            <>
              <Facts view={view} />
              <div className={rows.actions}>
                {button("restart")}
                {button("stop")}
              </div>
            </>
          )
        }
      </Loaded>
      {act.error && <ProblemNotice error={act.error} />}
    </Section>
  );
}

function isOver({ status }: SessionView): boolean {
  return status === "stopped" || status === "expired";
}

function Facts({ view }: { view: SessionView }) {
  const { t } = useTranslation(["settings", "common"]);
  const now = Date.now();
  const facts: [string, string, string?][] = [
    [t("session.state"), t(`common:session.${view.status}`)],
    [t("session.lastUse"), agoOf(view.last_activity_at, now), dateTimeOf(view.last_activity_at)],
    [t("session.ends"), untilOf(view.expires_at, now), dateTimeOf(view.expires_at)],
    [t("session.idle"), t("session.idleValue", { span: spanOf(view.idle_timeout_secs * 1_000) })],
    [t("session.driver"), view.driver],
  ];
  const { total_ms: total } = view.timings;
  if (total !== undefined) facts.push([t("session.startup"), durationOf(total)]);
  if (view.restarts > 0)
    facts.push([t("session.restarts"), t("session.restartsValue", { count: view.restarts })]);
  return (
    <>
      {view.error && (
        <p role="alert">
          {titleOf(view.error)}. {view.error.detail}
        </p>
      )}
      <dl className={rows.list}>
        {facts.map(([name, value, title]) => (
          <div key={name} className={rows.fact}>
            <dt>{name}</dt>
            <dd title={title}>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
