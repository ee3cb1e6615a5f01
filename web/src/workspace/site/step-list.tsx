// The steps of a publish with measured times; the one that waits says for what.
import { useTranslation } from "react-i18next";
import type { StepRow } from "./publish-view";
import styles from "./steps.module.css";

export function StepList({ rows }: { rows: readonly StepRow[] }) {
  const { t } = useTranslation("site");
  return (
    <ol className={styles.steps} aria-label={t("publish.stepsLabel")} data-testid="publish-steps">
      {rows.map(({ name, label, status, time, detail }) => (
        <li
          key={name}
          className={styles.step}
          data-step={name}
          data-status={status}
          aria-current={status === "active" ? "step" : undefined}
        >
          <span className={styles.dot} />
          <span className={styles.label}>{label}</span>
          {time !== undefined && <span className={styles.time}>{time}</span>}
          {detail !== undefined && <span className={styles.detail}>{detail}</span>}
        </li>
      ))}
    </ol>
  );
}
