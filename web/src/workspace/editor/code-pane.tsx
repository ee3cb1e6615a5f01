// Tabs, and what is in the one shown: text to edit, a picture, two versions to choose from, or why there is nothing.
import { lazy, Suspense } from "react";
import { fileUrl } from "../../api/calls";
import { Button } from "../../components/button";
import { sizeOf } from "../../components/format";
import { Empty, Notice, ProblemNotice } from "../../components/notice";
import { strings } from "../../strings";
import type { DraftState, OpenFile, TextFile } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import type { Goal } from "./code-editor";
import styles from "./editor.module.css";
import { TabBar } from "./tab-bar";
import type { Tabs } from "./use-tabs";

const CodeEditor = lazy(() => import("./code-editor"));
const text = strings.editor;
const PICTURE = /\.(png|jpe?g|gif|webp|avif|ico|bmp)$/i;

interface CodePaneProps {
  app: string;
  draft: DraftSync;
  state: DraftState;
  tabs: Tabs;
  /** A line to go to, in one of the files. */
  goal: (Goal & { path: string }) | undefined;
  onReached: () => void;
}

export function CodePane({ app, draft, state, tabs, goal, onReached }: CodePaneProps) {
  const file = state.openFiles.get(tabs.active);
  return (
    <div className={styles.pane}>
      {tabs.paths.length > 0 && <TabBar tabs={tabs} state={state} />}
      {file?.kind === "text" ? (
        <TextPane
          file={file}
          draft={draft}
          goal={goal?.path === file.path ? goal : undefined}
          onReached={onReached}
        />
      ) : (
        <div className={styles.middle}>
          {file ? (
            <NotText app={app} file={file} draft={draft} />
          ) : (
            <Empty title={text.emptyTitle}>{text.empty}</Empty>
          )}
        </div>
      )}
    </div>
  );
}

interface TextPaneProps {
  file: TextFile;
  draft: DraftSync;
  goal: Goal | undefined;
  onReached: () => void;
}

function TextPane({ file, draft, goal, onReached }: TextPaneProps) {
  const { conflict, rejected } = file;
  return (
    <>
      {conflict && <ConflictNotice file={file} draft={draft} />}
      {rejected && !conflict && <ProblemNotice flat error={rejected} />}
      <div className={styles.versions}>
        <Suspense fallback={<p className={styles.quiet}>{text.loadingEditor}</p>}>
          <CodeEditor
            path={file.path}
            text={file.text}
            loadId={file.loadId}
            onChange={(path, value) => draft.edit(path, value)}
            onSave={() => draft.flush()}
            goal={goal}
            onReached={onReached}
          />
          {conflict && conflict.text !== null && (
            <CodeEditor path={file.path} text={conflict.text} loadId={0} key={conflict.sha} readOnly />
          )}
        </Suspense>
      </div>
    </>
  );
}

function ConflictNotice({ file, draft }: { file: TextFile; draft: DraftSync }) {
  const deleted = file.conflict?.text === null;
  const actions = (
    <>
      <Button small onClick={() => draft.keepMine(file.path)} data-testid="keep-mine">
        {text.keepMine}
      </Button>
      <Button small onClick={() => draft.takeTheirs(file.path)} data-testid="take-theirs">
        {deleted ? text.acceptDelete : text.takeTheirs}
      </Button>
    </>
  );
  return (
    <Notice
      flat
      tone="warn"
      title={deleted ? text.conflictDeletedTitle : text.conflictTitle}
      actions={actions}
    >
      {deleted ? text.conflictDeleted : text.conflict}
    </Notice>
  );
}

interface NotTextProps {
  app: string;
  file: Exclude<OpenFile, TextFile>;
  draft: DraftSync;
}

function NotText({ app, file, draft }: NotTextProps) {
  if (file.kind === "loading") return <p className={styles.quiet}>{text.loading(file.path)}</p>;
  if (file.kind === "failed") {
    const again = (
      <Button small onClick={() => draft.open(file.path)}>
        {strings.common.tryAgain}
      </Button>
    );
    return <ProblemNotice error={file.problem} actions={again} />;
  }
  const url = fileUrl(app, file.path);
  return (
    <div className={styles.binary}>
      {PICTURE.test(file.path) && <img key={file.sha} src={url} alt={file.path} className={styles.picture} />}
      <Empty
        title={text.binaryTitle}
        actions={
          <a href={url} download={file.path.slice(file.path.lastIndexOf("/") + 1)}>
            {text.download}
          </a>
        }
      >
        {text.binary(sizeOf(file.size))}
      </Empty>
    </div>
  );
}
