// One word on how the preview is doing.
import type { SessionView } from "../../api/types";
import { strings } from "../../strings";
import styles from "./session.module.css";

export function SessionStatusLabel({ session }: { session: SessionView | undefined }) {
  const status = session?.status;
  return (
    <span
      className={styles.status}
      data-testid="session-status"
      data-status={status ?? "none"}
      role="status"
      title={session && session.restarts > 0 ? strings.session.restarts(session.restarts) : undefined}
    >
      <span>{status ? strings.session.status[status] : strings.session.none}</span>
    </span>
  );
}
