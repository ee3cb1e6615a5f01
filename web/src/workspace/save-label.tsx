// Whether what was typed is safe, and the way on when it is not.
import { useTranslation } from "react-i18next";
import { Button } from "../components/button";
import type { SaveState } from "./draft/draft-state";
import styles from "./top-bar.module.css";

interface SaveLabelProps {
  save: SaveState;
  onRetry: () => void;
  onShowConflict: (path: string) => void;
}

export function SaveLabel({ save, onRetry, onShowConflict }: SaveLabelProps) {
  const { t } = useTranslation(["save", "common"]);
  const problem = "problem" in save ? save.problem : undefined;
  const conflictPath = save.status === "conflict" ? save.paths[0] : undefined;
  return (
    <span className={styles.save}>
      <span
        role="status"
        data-testid="save-state"
        data-state={save.status}
        title={problem && `${problem.title}. ${problem.detail}`}
      >
        {t(keyOf(save))}
      </span>
      {problem && (
        <Button small onClick={onRetry}>
          {t("common:tryAgain")}
        </Button>
      )}
      {conflictPath !== undefined && (
        <Button small onClick={() => onShowConflict(conflictPath)}>
          {conflictPath.slice(conflictPath.lastIndexOf("/") + 1)}
        </Button>
      )}
    </span>
  );
}

function keyOf(save: SaveState) {
  return save.status === "failed" && save.retrying ? "failedRetrying" : save.status;
}
