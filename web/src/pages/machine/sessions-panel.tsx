// How many sessions are in which state.
import { useTranslation } from "react-i18next";
import type { MachineView } from "../../api/types";
import card from "../../components/card.module.css";
import { countOf } from "../../components/format";
import styles from "./panels.module.css";

const STATES = ["running", "starting", "frozen", "hibernated", "error"] as const;

export function SessionsPanel({ machine }: { machine: MachineView }) {
  const { t } = useTranslation(["machine", "common"]);
  const { sessions } = machine;
  if (sessions === undefined) return null;
  return (
    <section className={styles.states} aria-labelledby="machine-sessions">
      <h2 id="machine-sessions" className={card.heading}>
        {t("sessions")}
      </h2>
      <dl>
        {STATES.map((state) => (
          <div key={state} data-testid={`sessions-${state}`} data-zero={sessions[state] === 0}>
            <dt data-status={state}>{t(`common:session.${state}`)}</dt>
            <dd>{countOf(sessions[state])}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
