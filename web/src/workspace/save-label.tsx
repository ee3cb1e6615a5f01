// Whether what was typed is safe, and the way on when it is not.
import { Button } from "../components/button";
import { strings } from "../strings";
import type { SaveState } from "./draft/draft-state";
import styles from "./top-bar.module.css";

interface SaveLabelProps {
  save: SaveState;
  onRetry: () => void;
  onShowConflict: (path: string) => void;
}

export function SaveLabel({ save, onRetry, onShowConflict }: SaveLabelProps) {
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
        {wordsFor(save)}
      </span>
      {problem && (
        <Button small onClick={onRetry}>
          {strings.common.tryAgain}
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

function wordsFor(save: SaveState): string {
  if (save.status !== "failed") return strings.save[save.status];
  return save.retrying ? strings.save.failedRetrying : strings.save.failed;
}
