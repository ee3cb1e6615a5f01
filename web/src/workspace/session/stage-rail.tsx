// The way from files to a page, step by step with measured times; the step that waits says for what.
import type { SessionView, Step } from "../../api/types";
import { durationOf } from "../../components/format";
import { strings } from "../../strings";
import styles from "./session.module.css";

const text = strings.session;

export function StageRail({ session }: { session: SessionView | undefined }) {
  if (!session) return <p className={styles.rail}>{text.waiting}</p>;
  const { steps, total_ms } = session.timings;
  return (
    <ol className={styles.rail} aria-label={text.rail} data-testid="stage-rail">
      {steps.map((step) => (
        <StepItem key={step.name} step={step} />
      ))}
      {total_ms !== undefined && session.status === "running" && (
        <li className={styles.total}>{text.ready(durationOf(total_ms))}</li>
      )}
    </ol>
  );
}

function StepItem({ step }: { step: Step }) {
  const { name, status, duration_ms, detail } = step;
  const told = status === "active" || status === "failed";
  return (
    <li
      className={styles.step}
      data-status={status}
      title={detail}
      aria-current={status === "active" ? "step" : undefined}
    >
      <span className={styles.dot} />
      <span>{text.steps[name]}</span>
      {duration_ms !== undefined && <span className={styles.time}>{durationOf(duration_ms)}</span>}
      {told && (
        <span className={styles.detail}>{detail ?? (status === "failed" ? text.failedAfter : "")}</span>
      )}
    </li>
  );
}
