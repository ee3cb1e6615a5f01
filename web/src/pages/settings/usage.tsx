// What the tenant has and may have, and which of the person's previews are open.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { listApps } from "../../api/calls";
import { asProblem } from "../../api/problem";
import { getMyUsage, stopSession } from "../../api/settings-calls";
import type { QuotaUse } from "../../api/settings-types";
import type { App, Me } from "../../api/types";
import { Button } from "../../components/button";
import { countOf, memoryOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty, ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { showToast } from "../../components/toast";

const SESSIONS = ["open-sessions"];

export default function Usage({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const usage = useQuery({ queryKey: ["my-usage"], queryFn: ({ signal }) => getMyUsage(signal) });
  return (
    <>
      <Section title={t("usage.title", { tenant: me.tenant.name })} testId="usage">
        <Loaded query={usage} loading={t("usage.loading")}>
          {({ items }) => (
            <ul className={rows.rows}>
              {items.map((use) => (
                <Quota key={use.quota} use={use} />
              ))}
            </ul>
          )}
        </Loaded>
      </Section>
      <OpenSessions />
    </>
  );
}

function Quota({ use: { quota, used, limit } }: { use: QuotaUse }) {
  const { t } = useTranslation("settings");
  const figure = quota.endsWith("_bytes") ? memoryOf : countOf;
  const isFull = limit !== undefined && used >= limit;
  const share = limit ? Math.min(1, used / limit) : 0;
  return (
    <li className={rows.row} data-testid={`quota-${quota}`}>
      <span className={rows.words}>
        <span className={rows.name}>{t(`usage.quotas.${quota}`)}</span>
      </span>
      <span className={rows.facts}>
        {limit === undefined
          ? t("usage.noLimit", { used: figure(used) })
          : t("usage.of", { used: figure(used), limit: figure(limit) })}
        {isFull && ` · ${t("usage.full")}`}
      </span>
      {limit !== undefined && (
        <span className={rows.meter} data-full={isFull} aria-hidden="true">
          <span style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </li>
  );
}

function OpenSessions() {
  const { t } = useTranslation("settings");
  const apps = useQuery({ queryKey: SESSIONS, queryFn: ({ signal }) => listApps(undefined, signal) });
  return (
    <Section title={t("usage.sessionsTitle")} testId="open-sessions">
      <Loaded query={apps} loading={t("usage.sessionsLoading")}>
        {({ items }) => {
          const open = items.filter(({ session_status: status }) => status !== undefined);
          return open.length === 0 ? (
            <Empty isQuiet title={t("usage.noSessions")}>
              {t("usage.noSessionsHint")}
            </Empty>
          ) : (
            <ul className={rows.rows}>
              {open.map((app) => (
                <SessionRow key={app.id} app={app} />
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Section>
  );
}

function SessionRow({ app }: { app: App }) {
  const { t } = useTranslation(["settings", "common"]);
  const queryClient = useQueryClient();
  const { name } = app;
  const stop = useMutation({
    // It may have ended by itself; the result is the same.
    mutationFn: () =>
      stopSession(app.id).catch((error: unknown) => {
        if (asProblem(error).status !== 404) throw error;
      }),
    onSuccess: async () => {
      await Promise.all(
        [SESSIONS, ["apps"], ["session", app.id]].map((queryKey) =>
          queryClient.invalidateQueries({ queryKey }),
        ),
      );
      showToast({ title: t("usage.stopped", { name }) });
    },
  });
  return (
    <li className={rows.row} data-testid={`open-session-${app.id}`}>
      <span className={rows.words}>
        <Link href={`/apps/${app.id}`}>{name}</Link>
        {app.session_status && (
          <span className={rows.facts}>{t(`common:session.${app.session_status}`)}</span>
        )}
      </span>
      <Button
        small
        aria-label={t("usage.stopLabel", { name })}
        disabled={stop.isPending}
        onClick={() => stop.mutate()}
      >
        {t("usage.stop")}
      </Button>
      {stop.error && <ProblemNotice error={stop.error} />}
    </li>
  );
}
