// Tabs, and what is in the one shown: text to edit, a picture, two versions to choose from, or why there is nothing.
import type { Person } from "@vitrine/client/channel";
import { lazy, type RefObject, Suspense, useRef } from "react";
import { useTranslation } from "react-i18next";
import { fileUrl } from "../../api/calls";
import { useCommands } from "../../commands/commands";
import { Button, IconButton } from "../../components/button";
import { sizeOf } from "../../components/format";
import { Empty, ProblemNotice } from "../../components/notice";
import { type DraftState, MAX_TEXT_BYTES, type OpenFile, type TextFile } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import type { EditorHandle, Goal } from "./code-editor";
import { ConflictPane } from "./conflict-pane";
import type { Problem } from "./diagnostics";
import styles from "./editor.module.css";
import { TabBar } from "./tab-bar";
import { type Formatting, useFormat } from "./use-format";
import type { Tabs } from "./use-tabs";

const CodeEditor = lazy(() => import("./code-editor"));
const PICTURE = /\.(png|jpe?g|gif|webp|avif|ico|bmp)$/i;
const NONE: readonly Problem[] = [];

interface CodePaneProps {
  app: string;
  draft: DraftSync;
  state: DraftState;
  tabs: Tabs;
  problems: ReadonlyMap<string, readonly Problem[]>;
  people: ReadonlyMap<string, readonly Person[]>;
  onLine: (line: number) => void;
  /** A line to go to, in one of the files. */
  goal: (Goal & { path: string }) | undefined;
  onReached: () => void;
}

export function CodePane(props: CodePaneProps) {
  const { t } = useTranslation("editor");
  const { app, draft, state, tabs, people } = props;
  const editor = useRef<EditorHandle>(null);
  const formatting = useFormat(editor);
  const file = state.openFiles.get(tabs.active);
  const isText = file?.kind === "text";
  useEditorCommands({ tabs, editor, formatting, isText });
  // The editor stays where it is while something else is shown: it holds every file's undo and place.
  const lastText = useRef<TextFile>(undefined);
  if (isText) lastText.current = file;
  const text = isText ? file : lastText.current;
  return (
    <div className={styles.pane}>
      {tabs.paths.length > 0 && <TabBar tabs={tabs} state={state} people={people} />}
      <Outcome formatting={formatting} />
      {text && <TextPane {...props} file={text} shown={isText} editor={editor} />}
      {!isText && (
        <div className={styles.middle}>
          {file ? (
            <NotText app={app} file={file} draft={draft} />
          ) : (
            <Empty title={t("emptyTitle")}>{t("empty")}</Empty>
          )}
        </div>
      )}
    </div>
  );
}

interface EditorCommands {
  tabs: Tabs;
  editor: RefObject<EditorHandle | null>;
  formatting: Formatting;
  isText: boolean;
}

function useEditorCommands({ tabs, editor, formatting, isText }: EditorCommands): void {
  const { t } = useTranslation("editor");
  const section = t("section");
  const noTab = tabs.active === "";
  const goBy = (step: number) => {
    const { paths, active } = tabs;
    const next = paths[(paths.indexOf(active) + step + paths.length) % paths.length];
    if (next !== undefined) tabs.open(next);
  };
  useCommands([
    {
      id: "editor.format",
      title: t("format"),
      section,
      keys: "Mod+Shift+F",
      disabled: !isText,
      run: () => formatting.run(),
    },
    { id: "editor.find", title: t("find"), section, disabled: !isText, run: () => editor.current?.find() },
    {
      id: "editor.line",
      title: t("goToLine"),
      section,
      disabled: !isText,
      run: () => editor.current?.goToLine(),
    },
    { id: "editor.next", title: t("nextTab"), section, disabled: noTab, run: () => goBy(1) },
    { id: "editor.previous", title: t("previousTab"), section, disabled: noTab, run: () => goBy(-1) },
    {
      id: "editor.close",
      title: t("closeThis"),
      section,
      disabled: noTab,
      run: () => tabs.close(tabs.active),
    },
  ]);
}

/** What became of formatting: said only where it did not work. */
function Outcome({ formatting }: { formatting: Formatting }) {
  const { t } = useTranslation("editor");
  const { state, dismiss } = formatting;
  if (state === undefined) return null;
  const words =
    state.kind === "going" ? t("formatting") : state.kind === "unknown" ? t("formatUnknown") : undefined;
  return (
    <div className={styles.outcome} role="status" data-testid="format-outcome">
      <p>{words ?? t("formatFailed", { reason: state.kind === "failed" ? state.reason : "" })}</p>
      {state.kind !== "going" && <IconButton small icon="close" label={t("dismiss")} onClick={dismiss} />}
    </div>
  );
}

interface TextPaneProps extends CodePaneProps {
  file: TextFile;
  shown: boolean;
  editor: RefObject<EditorHandle | null>;
}

function TextPane({ file, shown, editor, draft, tabs, problems, goal, onLine, onReached }: TextPaneProps) {
  const { t } = useTranslation("editor");
  const { conflict, rejected, path } = file;
  const isCompared = conflict !== undefined && conflict.text !== null;
  return (
    <>
      {shown && conflict && (
        <ConflictPane
          key={`${path} ${conflict.sha}`}
          file={file}
          conflict={conflict}
          draft={draft}
          onOpen={tabs.open}
        />
      )}
      {shown && rejected && !conflict && <ProblemNotice flat error={rejected} />}
      <div className={styles.text} hidden={!shown || isCompared}>
        <Suspense fallback={<p className={styles.quiet}>{t("loadingEditor")}</p>}>
          <CodeEditor
            ref={editor}
            path={path}
            text={file.text}
            loadId={file.loadId}
            problems={problems.get(path) ?? NONE}
            onChange={(changed, value) => draft.edit(changed, value)}
            onSave={() => draft.flush()}
            onLine={onLine}
            goal={shown && goal?.path === path ? goal : undefined}
            onReached={onReached}
          />
        </Suspense>
      </div>
    </>
  );
}

interface NotTextProps {
  app: string;
  file: Exclude<OpenFile, TextFile>;
  draft: DraftSync;
}

function NotText({ app, file, draft }: NotTextProps) {
  const { t } = useTranslation(["editor", "common"]);
  if (file.kind === "loading") return <p className={styles.quiet}>{t("loading", { path: file.path })}</p>;
  if (file.kind === "failed") {
    const again = (
      <Button small onClick={() => draft.open(file.path)}>
        {t("common:tryAgain")}
      </Button>
    );
    return <ProblemNotice error={file.problem} actions={again} />;
  }
  const url = fileUrl(app, file.path);
  return (
    <div className={styles.binary}>
      {PICTURE.test(file.path) && <img key={file.sha} src={url} alt={file.path} className={styles.picture} />}
      <Empty
        title={file.size > MAX_TEXT_BYTES ? t("tooLargeTitle") : t("binaryTitle")}
        actions={
          <a href={url} download={file.path.slice(file.path.lastIndexOf("/") + 1)}>
            {t("download")}
          </a>
        }
      >
        {t("binary", { size: sizeOf(file.size) })}
      </Empty>
    </div>
  );
}
