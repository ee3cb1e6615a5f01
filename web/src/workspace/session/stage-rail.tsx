// The way from files to a page, step by step with measured times; the step that waits says for what, and leads to its log.
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SessionView } from "../../api/types";
import { durationOf, growingDurationOf } from "../../components/format";
import { useNow } from "../../components/use-now";
import type { Stage } from "../preview/use-stage";
import { activeOf, type RailStep, railOf } from "./rail";
import styles from "./session.module.css";

/** A step that is over sooner needs no clock. */
const CLOCK_AFTER_MS = 400;
const TICK_MS = 200;

interface StageRailProps {
  session: SessionView | undefined;
  stage: Pick<Stage, "hasShown" | "paintMs">;
  /** Shows the server's log. */
  onShowLog: () => void;
}

export function StageRail({ session, stage, onShowLog }: StageRailProps) {
  const { t } = useTranslation("stage");
  const steps = session ? railOf(session, { isShown: stage.hasShown, paintMs: stage.paintMs }) : [];
  const waitedMs = useWait(activeOf(steps)?.name);
  if (!session) return <p className={styles.rail}>{t("waiting")}</p>;
  const { total_ms } = session.timings;
  return (
    <ol className={styles.rail} aria-label={t("rail")} data-testid="stage-rail">
      {steps.map((step) => (
        <StepItem key={step.name} step={step} waitedMs={waitedMs} onShowLog={onShowLog} />
      ))}
      {total_ms !== undefined && session.status === "running" && (
        <li className={styles.total}>{t("ready", { total: durationOf(total_ms) })}</li>
      )}
    </ol>
  );
}

interface StepItemProps {
  step: RailStep;
  waitedMs: number;
  onShowLog: () => void;
}

function StepItem({ step, waitedMs, onShowLog }: StepItemProps) {
  const { t } = useTranslation("stage");
  const { name, status, ms, detail } = step;
  const told = status === "active" || status === "failed";
  const time =
    status === "active"
      ? waitedMs >= CLOCK_AFTER_MS && growingDurationOf(waitedMs)
      : ms !== undefined && durationOf(ms);
  const hint = name === "paint" ? t("paintHint") : detail;
  const words = (
    <>
      <span className={styles.dot} />
      <span>{t(`steps.${name}`)}</span>
      {time && <span className={styles.time}>{time}</span>}
      {told && (
        <span className={styles.detail}>
          {detail ?? t(status === "failed" ? "failedHere" : `waits.${name}`)}
        </span>
      )}
    </>
  );
  return (
    <li className={styles.step} data-status={status} aria-current={status === "active" ? "step" : undefined}>
      {told ? (
        <button
          type="button"
          className={styles.stepLog}
          title={t("stepLog")}
          onClick={onShowLog}
          data-testid="step-log"
        >
          {words}
        </button>
      ) : (
        <span className={styles.stepWords} title={hint}>
          {words}
        </span>
      )}
    </li>
  );
}

/** How long the step has been going on, as this page has seen it. */
function useWait(name: string | undefined): number {
  const [since, setSince] = useState<number>();
  useEffect(() => setSince(name === undefined ? undefined : Date.now()), [name]);
  const now = useNow(name === undefined ? null : TICK_MS);
  return since === undefined ? 0 : Math.max(0, now - since);
}
