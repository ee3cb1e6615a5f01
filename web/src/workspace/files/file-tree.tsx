// The files of the draft: open, create, rename, move, delete, and drop more on it.
import type { Person } from "@vitrine/client/channel";
import { Fragment, lazy, Suspense, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommands } from "../../commands/commands";
import { Button, IconButton } from "../../components/button";
import { Icon } from "../../components/icon";
import { Empty, Notice } from "../../components/notice";
import { type DraftState, pathsUnder } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import { FileRow } from "./file-row";
import styles from "./file-tree.module.css";
import { PathInput } from "./path-input";
import { folderOf, rowsOf } from "./tree-model";
import { useExpanded } from "./use-expanded";
import { type FileActions, useFileActions } from "./use-file-actions";
import { usePaths } from "./use-paths";
import { useRowHandlers } from "./use-row-handlers";
import { useTreeFocus } from "./use-tree-focus";
import { useUploads } from "./use-uploads";

const FileMenu = lazy(() => import("./file-menu"));

interface FileTreeProps {
  app: string;
  draft: DraftSync;
  state: DraftState;
  activePath: string;
  people: ReadonlyMap<string, readonly Person[]>;
  onOpen: (path: string) => void;
  /** Asks for a file by name. */
  onOpenQuickly: () => void;
  onMoved: (from: string, to: string) => void;
}

/** What the person is about to do with a path, asked in its place. */
type Intent = { kind: "create"; folder: string } | { kind: "rename" | "delete"; path: string };

export function FileTree(props: FileTreeProps) {
  const { app, draft, state, activePath, people, onOpen, onOpenQuickly, onMoved } = props;
  const { t } = useTranslation("files");
  const [intent, setIntent] = useState<Intent>();
  const [fault, setFault] = useState<string | null>(null);
  const { isExpanded, setExpanded } = useExpanded(activePath);
  const paths = usePaths(state.files);
  const rows = useMemo(() => rowsOf(paths, isExpanded), [paths, isExpanded]);
  const actions = useFileActions(app, draft);
  const uploads = useUploads(actions, state.files);
  const chooser = useRef<HTMLInputElement>(null);
  const startRename = (path: string) => setIntent({ kind: "rename", path });
  const startDelete = (path: string) => setIntent({ kind: "delete", path });
  const { tree, tabRow, chosenRow, setFocusedPath, focusOn, onKeyDown } = useTreeFocus({
    rows,
    onOpen,
    onExpand: setExpanded,
    onRename: startRename,
    onDelete: startDelete,
  });
  const movedTo = useRef<string>(undefined);
  const done = (path = movedTo.current) => {
    setIntent(undefined);
    movedTo.current = undefined;
    // Where the question stood, once the row is there again.
    if (path !== undefined) requestAnimationFrame(() => focusOn(path));
  };
  const create = async (path: string) => {
    const answer = await actions.create(path);
    if (answer === null) onOpen(path);
    return answer;
  };
  const rename = async (from: string, to: string) => {
    const answer = await actions.rename(from, to);
    if (answer !== null) return answer;
    for (let folder = folderOf(to); folder !== ""; folder = folderOf(folder)) setExpanded(folder, true);
    movedTo.current = to;
    onMoved(from, to);
    return null;
  };
  const duplicate = async (path: string) => {
    const answer = await actions.duplicate(path);
    if ("fault" in answer) setFault(answer.fault);
    else onOpen(answer.path);
  };
  const startCreate = (folder: string) => {
    if (folder !== "") setExpanded(folder, true);
    setIntent({ kind: "create", folder });
  };
  const { handlers, menu, closeMenu, target, topTarget } = useRowHandlers({
    activate: (row) => (row.expanded === undefined ? onOpen(row.path) : setExpanded(row.path, !row.expanded)),
    focus: (row) => setFocusedPath(row.path),
    move: (from, to) =>
      void rename(from, to).then((answer) => {
        setFault(answer);
        done();
      }),
    uploads,
  });
  const currentFolder = chosenRow?.expanded === undefined ? folderOf(chosenRow?.path ?? "") : chosenRow.path;
  useFileCommands(t("section"), t("newFile"), t("upload"), () => startCreate(currentFolder), chooser);
  const createInput = intent?.kind === "create" && (
    <PathInput
      label={t("newFile")}
      initial={intent.folder === "" ? "" : `${intent.folder}/`}
      onSubmit={create}
      onClose={() => done()}
    />
  );

  return (
    <section
      className={styles.panel}
      aria-label={t("label")}
      data-over={uploads.over || target === ""}
      {...topTarget}
    >
      <header className={styles.header}>
        <h2 className="visually-hidden">{t("label")}</h2>
        <button type="button" className={styles.finder} data-testid="open-quickly" onClick={onOpenQuickly}>
          <Icon name="search" />
          {t("quickOpen")}
        </button>
        <IconButton small icon="upload" label={t("upload")} onClick={() => chooser.current?.click()} />
        <IconButton
          small
          icon="plus"
          label={t("newFile")}
          data-testid="new-file"
          onClick={() => startCreate(currentFolder)}
        />
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            uploads.take([...(event.target.files ?? [])], currentFolder);
            event.target.value = "";
          }}
        />
      </header>
      {uploads.note}
      <Note actions={actions} fault={fault} onFault={setFault} />
      {intent?.kind === "create" && intent.folder === "" && createInput}
      {state.version === null && !state.problem && <p className={styles.quiet}>{t("loading")}</p>}
      {state.version !== null && rows.length === 0 && (
        <div className={styles.empty}>
          <Empty title={t("emptyTitle")}>{t("empty")}</Empty>
        </div>
      )}
      <div
        ref={tree}
        role="tree"
        aria-label={t("label")}
        aria-description={t("keysHint")}
        className={styles.tree}
        onKeyDown={onKeyDown}
        tabIndex={-1}
      >
        {rows.map((row) => (
          <Fragment key={row.path}>
            {intent?.kind === "rename" && intent.path === row.path ? (
              <PathInput
                label={t("renameLabel", { path: row.path })}
                initial={row.path}
                onSubmit={(to) => rename(row.path, to)}
                onClose={() => done(movedTo.current ?? row.path)}
              />
            ) : (
              <FileRow
                row={row}
                active={row.path === activePath}
                unsaved={isUnsaved(state, row.path)}
                tabbable={row.path === tabRow?.path}
                target={target === row.path}
                people={people.get(row.path)}
                handlers={handlers}
              />
            )}
            {intent?.kind === "create" && intent.folder === row.path && createInput}
            {intent?.kind === "delete" && intent.path === row.path && (
              <DeleteQuestion
                path={row.path}
                count={row.expanded === undefined ? 0 : pathsUnder(state.files, row.path).length}
                onDelete={() => actions.remove(row.path)}
                onClose={(deleted) => (deleted ? done() : done(row.path))}
              />
            )}
          </Fragment>
        ))}
      </div>
      <Suspense>
        {menu && (
          <FileMenu
            app={app}
            place={menu}
            onClose={closeMenu}
            onReturn={(path) => requestAnimationFrame(() => focusOn(path))}
            actions={{
              open: onOpen,
              create: startCreate,
              rename: startRename,
              duplicate: (path) => void duplicate(path),
              remove: startDelete,
            }}
          />
        )}
      </Suspense>
    </section>
  );
}

function useFileCommands(
  section: string,
  newFile: string,
  upload: string,
  create: () => void,
  chooser: { current: HTMLInputElement | null },
): void {
  useCommands([
    { id: "files.new", title: newFile, section, run: create },
    { id: "files.upload", title: upload, section, run: () => chooser.current?.click() },
  ]);
}

function isUnsaved(state: DraftState, path: string): boolean {
  const file = state.openFiles.get(path);
  return file?.kind === "text" && file.dirty;
}

interface NoteProps {
  actions: FileActions;
  fault: string | null;
  onFault: (fault: string | null) => void;
}

/** What became of the last thing done: the way back from a deletion, or why something was not done. */
function Note({ actions, fault, onFault }: NoteProps) {
  const { t } = useTranslation(["files", "common"]);
  if (fault !== null) {
    const close = (
      <Button small onClick={() => onFault(null)}>
        {t("common:close")}
      </Button>
    );
    return (
      <Notice flat title={t("notDone")} actions={close}>
        {fault}
      </Notice>
    );
  }
  if (!actions.deleted) return null;
  return (
    <div className={styles.question} role="status">
      <p>{t("deleted", { path: actions.deleted.path })}</p>
      <Button small autoFocus data-testid="take-back" onClick={() => void actions.takeBack().then(onFault)}>
        {t("takeBack")}
      </Button>
      <Button small onClick={actions.forgetDeleted}>
        {t("common:close")}
      </Button>
    </div>
  );
}

interface DeleteQuestionProps {
  path: string;
  /** How many files are in the folder; 0 for a file. */
  count: number;
  onDelete: () => Promise<string | null>;
  onClose: (deleted: boolean) => void;
}

function DeleteQuestion({ path, count, onDelete, onClose }: DeleteQuestionProps) {
  const { t } = useTranslation(["files", "common"]);
  const [fault, setFault] = useState<string | null>(null);
  const remove = async () => {
    const answer = await onDelete();
    if (answer === null) onClose(true);
    else setFault(answer);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from either button
    <div className={styles.question} onKeyDown={(event) => event.key === "Escape" && onClose(false)}>
      <p>{count > 0 ? t("confirmDeleteFolder", { path, count }) : t("confirmDelete", { path })}</p>
      <Button small look="danger" onClick={remove} autoFocus data-testid="confirm-delete">
        {t("delete")}
      </Button>
      <Button small onClick={() => onClose(false)}>
        {t("common:cancel")}
      </Button>
      {fault && <Notice title={t("notDone")}>{fault}</Notice>}
    </div>
  );
}
