// The app's history and what changed in it: a line in time on one side, the files that differ on the other.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { FileChange } from "../../api/revision-calls";
import type { App } from "../../api/types";
import { Button } from "../../components/button";
import { Empty, ProblemNotice } from "../../components/notice";
import { useUrlState } from "../../components/use-url-state";
import type { DraftSync } from "../draft/draft-sync";
import { nameOf } from "../timeline/names";
import { Timeline } from "../timeline/timeline";
import { useTimeline } from "../timeline/use-timeline";
import type { Travel } from "../timeline/use-travel";
import { ChangeList } from "./change-list";
import styles from "./changes.module.css";
import { type Comparison, comparisonOf, nameOfComparison, undiscardOps } from "./comparison";
import { FileDiff } from "./file-diff";
import { useDiff } from "./use-diff";

interface ChangesPaneProps {
  app: App;
  draft: DraftSync;
  /** The draft's version on the server; undefined until it is known. */
  version: number | undefined;
  travel: Travel;
  onOpen: (path: string) => void;
  /** A publish of a checkpoint was started; it is shown where all publishes are. */
  onPublished: () => void;
}

export default function ChangesPane({ app, draft, version, travel, onOpen, onPublished }: ChangesPaneProps) {
  const { t } = useTranslation("changes");
  const [name, setName] = useUrlState("compare");
  const [path, setPath] = useUrlState("change");
  const timeline = useTimeline(app.id, version);
  const { checkpoints } = timeline;
  const newest = checkpoints[0];
  const chosen = comparisonOf(name);
  const comparison = chosen ?? (newest && { from: newest.id, to: undefined });
  const diff = useDiff(app.id, comparison, version);
  const files = diff.data?.files ?? [];
  const shown = files.find((file) => file.path === path) ?? files[0];
  const compare = (next: Comparison) => {
    setName(nameOfComparison(next));
    setPath("");
  };
  const titleOf = (id: string | undefined) => {
    if (id === undefined) return t("now");
    const checkpoint = checkpoints.find((other) => other.id === id);
    return checkpoint ? nameOf(checkpoint) : t("unnamed");
  };

  return (
    <div className={styles.pane}>
      <Timeline
        app={app}
        draft={draft}
        timeline={timeline}
        comparison={comparison}
        travel={travel}
        onCompare={compare}
        onPublished={onPublished}
      />
      <div className={styles.compare}>
        {comparison && (
          <h2 className={styles.title} data-testid="comparison">
            {t("title", { from: titleOf(comparison.from), to: titleOf(comparison.to) })}
          </h2>
        )}
        <Discarded key={comparison && nameOfComparison(comparison)} draft={draft}>
          {(onDiscarded) =>
            comparison && (
              <Differences diff={diff}>
                <ChangeList files={files} shown={shown?.path} onShow={setPath} />
                {shown && (
                  <FileDiff
                    key={shown.path}
                    app={app.id}
                    draft={draft}
                    comparison={comparison}
                    change={shown}
                    onOpen={onOpen}
                    onDiscarded={onDiscarded}
                  />
                )}
              </Differences>
            )
          }
        </Discarded>
      </div>
    </div>
  );
}

interface DifferencesProps {
  diff: ReturnType<typeof useDiff>;
  children: React.ReactNode;
}

/** The list and the file, or why there is none. */
function Differences({ diff, children }: DifferencesProps) {
  const { t } = useTranslation(["changes", "common"]);
  if (diff.error) {
    const again = (
      <Button small onClick={() => void diff.refetch()}>
        {t("common:tryAgain")}
      </Button>
    );
    return <ProblemNotice error={diff.error} actions={again} />;
  }
  if (!diff.data) return <p className={styles.quiet}>{t("comparing")}</p>;
  if (diff.data.files.length === 0) {
    return (
      <div className={styles.middle} data-testid="no-changes">
        <Empty title={t("noneTitle")}>{t("none")}</Empty>
      </div>
    );
  }
  return (
    <>
      {children}
      {diff.data.truncated && <p className={styles.quiet}>{t("truncated")}</p>}
    </>
  );
}

interface DiscardedProps {
  draft: DraftSync;
  children: (onDiscarded: (change: FileChange) => void) => React.ReactNode;
}

/** Says what was put back, with the way to have it again. */
function Discarded({ draft, children }: DiscardedProps) {
  const { t } = useTranslation("changes");
  const [last, setLast] = useState<FileChange>();
  const [fault, setFault] = useState<unknown>();
  const takeBack = (change: FileChange) => {
    setLast(undefined);
    draft.change(undiscardOps(change)).catch(setFault);
  };
  return (
    <>
      {last && (
        <p className={styles.note} role="status">
          {t("discarded", { path: last.from_path ?? last.path })}{" "}
          <Button small autoFocus onClick={() => takeBack(last)} data-testid="discard-undo">
            {t("takeBack")}
          </Button>
        </p>
      )}
      {fault !== undefined && <ProblemNotice error={fault} />}
      {children(setLast)}
    </>
  );
}
