// Along the top of the stage: what is the matter, and one thing to do about it. The last good page stays below.
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import { detailOf, Notice, ProblemNotice } from "../../components/notice";
import type { SessionHandle } from "../session/use-session";
import styles from "./preview.module.css";
import type { Fallback } from "./use-fallback";
import { type Stage, usePreviewPart } from "./use-stage";

interface TroubleProps {
  handle: SessionHandle;
  stage: Stage;
  onShowLog: () => void;
}

export function Trouble({ handle, stage, onShowLog }: TroubleProps) {
  const { t } = useTranslation("stage");
  const { session, error, asking } = handle;
  const { hasShown } = stage;
  const log = (
    <Button small onClick={onShowLog}>
      {t("showLog")}
    </Button>
  );
  const again = (
    <Button small onClick={stage.startAgain} disabled={asking} data-testid="try-again">
      {t("tryAgain")}
    </Button>
  );
  if (error) return <ProblemNotice flat error={error} actions={again} />;
  if (session?.status === "hibernated") {
    const wake = (
      <Button small onClick={stage.startAgain} disabled={asking}>
        {t("wake")}
      </Button>
    );
    return (
      <Notice flat tone="warn" title={t("asleepTitle")} actions={wake}>
        {t("asleep")}
      </Notice>
    );
  }
  if (session?.status === "starting" && hasShown) {
    return (
      <p className={styles.strip} role="status" data-testid="returning">
        <span>{t("returning")}</span>
        {log}
      </p>
    );
  }
  if (session?.status !== "error" || !session.error) return <Page stage={stage} />;
  const problem = session.error;
  const words = [detailOf(problem), hasShown && t("lastGood")].filter(Boolean).join("\n");
  return (
    <Notice
      flat
      title={problem.title}
      requestId={problem.request_id}
      actions={
        <>
          {again}
          {log}
        </>
      }
    >
      {words}
    </Notice>
  );
}

/** What is the matter with the page itself, while everything below it works. */
function Page({ stage }: { stage: Stage }) {
  const { t } = useTranslation("stage");
  const isBlank = usePreviewPart(stage, ({ faults }) =>
    [...faults.values()].some(({ kind }) => kind === "blank"),
  );
  const picking = usePreviewPart(stage, (log) => log.picking);
  if (picking) {
    return (
      <p className={styles.strip} role="status" data-testid="picking">
        <span>{t("picking")}</span>
        <Button small onClick={() => stage.pick(false)}>
          {t("pickEnd")}
        </Button>
      </p>
    );
  }
  if (stage.strayPick !== undefined) {
    return (
      <p className={styles.strip} role="status">
        <span>{t("pickStray", { tag: stage.strayPick })}</span>
      </p>
    );
  }
  if (!isBlank) return null;
  return (
    <p className={styles.strip} role="status" data-testid="blank">
      <span>{t("blank")}</span>
      <Button small onClick={stage.reload}>
        {t("reload")}
      </Button>
    </p>
  );
}

/** What is seen instead of the dev server. */
export function Standby({ fallback }: { fallback: Fallback }) {
  const { t } = useTranslation("stage");
  const { url, going, failed } = fallback;
  if (going) return <p className={styles.strip}>{t(url ? "static.newer" : "static.first")}</p>;
  if (failed) return <p className={styles.strip}>{t(url ? "static.lastGood" : "static.failed")}</p>;
  return url === undefined ? null : <p className={styles.strip}>{t("static.shown")}</p>;
}
