// The files of the draft: open, create, rename, delete, and drop more on it.
import { type DragEvent, Fragment, useMemo, useRef, useState } from "react";
import { Button, IconButton } from "../../components/button";
import { Empty, Notice } from "../../components/notice";
import { strings } from "../../strings";
import { type DraftState, pathsUnder } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import { FileRow } from "./file-row";
import styles from "./file-tree.module.css";
import { PathInput } from "./path-input";
import { folderOf, rowsOf } from "./tree-model";
import { useExpanded } from "./use-expanded";
import { useFileActions } from "./use-file-actions";
import { useTreeFocus } from "./use-tree-focus";
import { useUploads } from "./use-uploads";

const text = strings.files;

interface FileTreeProps {
  app: string;
  draft: DraftSync;
  state: DraftState;
  activePath: string;
  onOpen: (path: string) => void;
  onMoved: (from: string, to: string) => void;
}

/** What the person is about to do with a path, asked in its place. */
type Intent = { kind: "create"; folder: string } | { kind: "rename" | "delete"; path: string };

export function FileTree({ app, draft, state, activePath, onOpen, onMoved }: FileTreeProps) {
  const [intent, setIntent] = useState<Intent>();
  const { isExpanded, setExpanded } = useExpanded(activePath);
  const rows = useMemo(() => rowsOf(Object.keys(state.files), isExpanded), [state.files, isExpanded]);
  const actions = useFileActions(app, draft);
  const uploads = useUploads(actions, state.files);
  const chooser = useRef<HTMLInputElement>(null);
  const { tree, tabRow, chosenRow, setFocusedPath, onKeyDown } = useTreeFocus({
    rows,
    onOpen,
    onExpand: setExpanded,
    onRename: (path) => setIntent({ kind: "rename", path }),
    onDelete: (path) => setIntent({ kind: "delete", path }),
  });
  const done = () => setIntent(undefined);
  const create = async (path: string) => {
    const fault = await actions.create(path);
    if (fault === null) onOpen(path);
    return fault;
  };
  const rename = async (from: string, to: string) => {
    const fault = await actions.rename(from, to);
    if (fault === null) onMoved(from, to);
    return fault;
  };
  const startCreate = (folder: string) => {
    if (folder !== "") setExpanded(folder, true);
    setIntent({ kind: "create", folder });
  };
  const currentFolder = chosenRow?.expanded === undefined ? folderOf(chosenRow?.path ?? "") : chosenRow.path;
  const createInput = intent?.kind === "create" && (
    <PathInput
      label={text.newFile}
      initial={intent.folder === "" ? "" : `${intent.folder}/`}
      onSubmit={create}
      onClose={done}
    />
  );

  return (
    <section
      className={styles.panel}
      aria-label={text.label}
      data-over={uploads.over}
      {...uploads.dropTarget("")}
    >
      <header className={styles.header}>
        <h2>{text.label}</h2>
        <IconButton small icon="upload" label={text.upload} onClick={() => chooser.current?.click()} />
        <IconButton small icon="plus" label={text.newFile} onClick={() => startCreate(currentFolder)} />
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
      {intent?.kind === "create" && intent.folder === "" && createInput}
      {state.version === null && !state.problem && <p className={styles.quiet}>{text.loading}</p>}
      {state.version !== null && rows.length === 0 && (
        <div className={styles.empty}>
          <Empty title={text.emptyTitle}>{text.empty}</Empty>
        </div>
      )}
      <div
        ref={tree}
        role="tree"
        aria-label={text.label}
        aria-description={text.keysHint}
        className={styles.tree}
        onKeyDown={onKeyDown}
        tabIndex={-1}
      >
        {rows.map((row) => (
          <Fragment key={row.path}>
            {intent?.kind === "rename" && intent.path === row.path ? (
              <PathInput
                label={text.renameLabel(row.path)}
                initial={row.path}
                onSubmit={(to) => rename(row.path, to)}
                onClose={done}
              />
            ) : (
              <FileRow
                row={row}
                active={row.path === activePath}
                unsaved={isUnsaved(state, row.path)}
                tabbable={row.path === tabRow?.path}
                onActivate={() => {
                  if (row.expanded === undefined) onOpen(row.path);
                  else setExpanded(row.path, !row.expanded);
                }}
                onFocus={() => setFocusedPath(row.path)}
                onCreate={() => startCreate(row.path)}
                onRename={() => setIntent({ kind: "rename", path: row.path })}
                onDelete={() => setIntent({ kind: "delete", path: row.path })}
                onDropFiles={(event: DragEvent) => uploads.drop(event, row.path)}
              />
            )}
            {intent?.kind === "create" && intent.folder === row.path && createInput}
            {intent?.kind === "delete" && intent.path === row.path && (
              <DeleteQuestion
                path={row.path}
                count={row.expanded === undefined ? 0 : pathsUnder(state.files, row.path).length}
                onDelete={() => actions.remove(row.path)}
                onClose={done}
              />
            )}
          </Fragment>
        ))}
      </div>
    </section>
  );
}

function isUnsaved(state: DraftState, path: string): boolean {
  const file = state.openFiles.get(path);
  return file?.kind === "text" && file.dirty;
}

interface DeleteQuestionProps {
  path: string;
  /** How many files are in the folder; 0 for a file. */
  count: number;
  onDelete: () => Promise<string | null>;
  onClose: () => void;
}

function DeleteQuestion({ path, count, onDelete, onClose }: DeleteQuestionProps) {
  const [fault, setFault] = useState<string | null>(null);
  const remove = async () => {
    const answer = await onDelete();
    if (answer === null) onClose();
    else setFault(answer);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from either button
    <div className={styles.question} onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <p>{count > 0 ? text.confirmDeleteFolder(path, count) : text.confirmDelete(path)}</p>
      <Button small look="danger" onClick={remove} autoFocus data-testid="confirm-delete">
        {text.delete}
      </Button>
      <Button small onClick={onClose}>
        {strings.common.cancel}
      </Button>
      {fault && <Notice title={text.notDone}>{fault}</Notice>}
    </div>
  );
}
