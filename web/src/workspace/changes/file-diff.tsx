// One file that differs: what changed in it, and what can be done about that.
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { FileChange } from "../../api/revision-calls";
import { Button, IconButton } from "../../components/button";
import { sizeOf } from "../../components/format";
import { ProblemNotice } from "../../components/notice";
import { readStored, writeStored } from "../../components/stored";
import { useMedia } from "../../components/use-media";
import type { DraftSync } from "../draft/draft-sync";
import styles from "./changes.module.css";
import { type Comparison, discardOps } from "./comparison";
import type { DiffHandle } from "./diff-view";
import { useTexts } from "./use-diff";

const DiffView = lazy(() => import("./diff-view"));
/** Two columns of code need this much of the screen. */
const NARROW = "(max-width: 1000px)";
const LAYOUT = "diff-layout";

interface FileDiffProps {
  app: string;
  draft: DraftSync;
  comparison: Comparison;
  change: FileChange;
  onOpen: (path: string) => void;
  /** The file is as it was before. */
  onDiscarded: (change: FileChange) => void;
}

export function FileDiff({ app, draft, comparison, change, onOpen, onDiscarded }: FileDiffProps) {
  const { t } = useTranslation("changes");
  const isNarrow = useMedia(NARROW);
  const [inline, setInline] = useState(() => readStored(LAYOUT) === "inline");
  const diff = useRef<DiffHandle>(null);
  const chooseLayout = (next: boolean) => {
    setInline(next);
    writeStored(LAYOUT, next ? "inline" : null);
  };
  const isDraft = comparison.to === undefined;
  const [asking, setAsking] = useState(false);
  const canDiscard = isDraft && discardOps(change).length > 0;
  return (
    <section className={styles.fileDiff} aria-label={change.path}>
      <header className={styles.fileHeader}>
        <h3 title={change.path}>{change.path}</h3>
        <span className={styles.fileActions}>
          <IconButton small icon="previous" label={t("previous")} onClick={() => diff.current?.step(-1)} />
          <IconButton small icon="next" label={t("next")} onClick={() => diff.current?.step(1)} />
          {!isNarrow && (
            <Button
              small
              aria-pressed={inline}
              onClick={() => chooseLayout(!inline)}
              data-testid="diff-layout"
            >
              {inline ? t("sideBySide") : t("inline")}
            </Button>
          )}
          {isDraft && change.status !== "deleted" && (
            <Button small onClick={() => onOpen(change.path)}>
              {t("open")}
            </Button>
          )}
          {canDiscard && (
            <Button small aria-expanded={asking} onClick={() => setAsking(!asking)} data-testid="discard">
              {t("discard")}
            </Button>
          )}
        </span>
      </header>
      {asking && (
        <DiscardQuestion
          draft={draft}
          change={change}
          onDiscarded={onDiscarded}
          onClose={() => setAsking(false)}
        />
      )}
      <Content app={app} comparison={comparison} change={change} inline={inline || isNarrow} diff={diff} />
    </section>
  );
}

interface ContentProps {
  app: string;
  comparison: Comparison;
  change: FileChange;
  inline: boolean;
  diff: React.RefObject<DiffHandle | null>;
}

function Content({ app, comparison, change, inline, diff }: ContentProps) {
  const { t } = useTranslation(["changes", "common"]);
  const texts = useTexts(app, comparison, change);
  const { before, after } = change;
  const sizeOr = (facts: typeof before) => (facts ? sizeOf(facts.size) : t("nothing"));
  if (!change.is_text || texts.data === null) {
    return <p className={styles.quiet}>{t("binary", { before: sizeOr(before), after: sizeOr(after) })}</p>;
  }
  if (texts.error) {
    const again = (
      <Button small onClick={() => void texts.refetch()}>
        {t("common:tryAgain")}
      </Button>
    );
    return <ProblemNotice error={texts.error} actions={again} />;
  }
  if (!texts.data) return <p className={styles.quiet}>{t("comparing")}</p>;
  return (
    <Suspense fallback={<p className={styles.quiet}>{t("comparing")}</p>}>
      <DiffView ref={diff} path={change.path} {...texts.data} inline={inline} />
    </Suspense>
  );
}

interface DiscardQuestionProps {
  draft: DraftSync;
  change: FileChange;
  onDiscarded: (change: FileChange) => void;
  onClose: () => void;
}

/** Puts the file back as it was; asked first, and to be taken back afterwards. */
function DiscardQuestion({ draft, change, onDiscarded, onClose }: DiscardQuestionProps) {
  const { t } = useTranslation(["changes", "common"]);
  const [isGoing, setGoing] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const discard = () => {
    setGoing(true);
    draft.change(discardOps(change)).then(
      () => {
        onClose();
        onDiscarded(change);
      },
      (error: unknown) => {
        setFault(error);
        setGoing(false);
      },
    );
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from either button
    <div className={styles.discard} onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <p>{t("discardQuestion", { path: change.from_path ?? change.path })}</p>
      <Button small look="danger" autoFocus disabled={isGoing} onClick={discard} data-testid="discard-yes">
        {isGoing ? t("discarding") : t("discard")}
      </Button>
      <Button small onClick={onClose}>
        {t("common:cancel")}
      </Button>
      {fault !== undefined && <ProblemNotice error={fault} />}
    </div>
  );
}
