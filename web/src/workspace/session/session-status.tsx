// One word on how the preview is doing.
import { useTranslation } from "react-i18next";
import type { SessionView } from "../../api/types";
import styles from "./session.module.css";

export function SessionStatusLabel({ session }: { session: SessionView | undefined }) {
  const { t } = useTranslation("stage");
  const { status, restarts = 0 } = session ?? {};
  return (
    <span
      className={styles.status}
      data-testid="session-status"
      data-status={status ?? "none"}
      role="status"
      title={restarts > 0 ? t("restarts", { count: restarts }) : undefined}
    >
      <span>{status ? t(`status.${status}`) : t("none")}</span>
    </span>
  );
}
