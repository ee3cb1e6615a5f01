// How many sessions are in which state.
import type { MachineView } from "../../api/types";
import { strings } from "../../strings";
import styles from "./panels.module.css";

const text = strings.machine;
const STATES = ["running", "starting", "frozen", "hibernated", "error"] as const;

export function SessionsPanel({ machine }: { machine: MachineView }) {
  const { sessions } = machine;
  if (sessions === undefined) return null;
  return (
    <section className={styles.states} aria-labelledby="machine-sessions">
      <h2 id="machine-sessions">{text.sessions}</h2>
      <dl>
        {STATES.map((state) => (
          <div key={state} data-testid={`sessions-${state}`} data-zero={sessions[state] === 0}>
            <dt data-status={state}>{strings.session.status[state]}</dt>
            <dd>{text.count(sessions[state])}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
