// One file or folder of the list.
import type { Person } from "@vitrine/client/channel";
import { type DragEvent, type MouseEvent, memo } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../components/button";
import { Icon } from "../../components/icon";
import { PeopleMarks } from "../presence/people-marks";
import styles from "./file-tree.module.css";
import type { Row } from "./tree-model";

/** What may happen to any row; the same object for all of them, so that a row is drawn anew only when it changes. */
export interface RowHandlers {
  activate: (row: Row) => void;
  focus: (row: Row) => void;
  menu: (row: Row, event: MouseEvent<HTMLElement>) => void;
  dragStart: (row: Row, event: DragEvent) => void;
  dragOver: (row: Row, event: DragEvent) => void;
  drop: (row: Row, event: DragEvent) => void;
  dragEnd: () => void;
}

interface FileRowProps {
  row: Row;
  active: boolean;
  unsaved: boolean;
  /** Whether Tab leads to this row. */
  tabbable: boolean;
  /** Whether a drop now would land in this folder. */
  target: boolean;
  people: readonly Person[] | undefined;
  handlers: RowHandlers;
}

export const FileRow = memo(function FileRow(props: FileRowProps) {
  const { t } = useTranslation("files");
  const { row, active, unsaved, tabbable, target, people, handlers } = props;
  const isFolder = row.expanded !== undefined;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keys
    <div
      role="treeitem"
      className={styles.row}
      data-testid={`file-${row.path}`}
      data-path={row.path}
      data-target={target}
      aria-level={row.depth + 1}
      aria-expanded={row.expanded}
      aria-selected={active}
      tabIndex={tabbable ? 0 : -1}
      title={row.path}
      style={{ paddingInlineStart: 8 + row.depth * 14 }}
      draggable
      onClick={() => handlers.activate(row)}
      onFocus={() => handlers.focus(row)}
      onContextMenu={(event) => handlers.menu(row, event)}
      onDragStart={(event) => handlers.dragStart(row, event)}
      onDragOver={(event) => handlers.dragOver(row, event)}
      onDrop={(event) => handlers.drop(row, event)}
      onDragEnd={handlers.dragEnd}
    >
      <span className={styles.mark} data-expanded={row.expanded}>
        <Icon name={isFolder ? "chevron" : "file"} />
      </span>
      <span className={styles.name}>{row.name}</span>
      <PeopleMarks people={people} />
      {unsaved && (
        <span className={styles.unsaved} role="img" aria-label={t("unsaved")} title={t("unsaved")} />
      )}
      <span className={styles.actions}>
        <IconButton
          small
          tabIndex={-1}
          icon="more"
          label={t("actions", { path: row.path })}
          onClick={(event) => {
            event.stopPropagation();
            handlers.menu(row, event);
          }}
        />
      </span>
    </div>
  );
}, isSame);

function isSame(before: FileRowProps, after: FileRowProps): boolean {
  const { row: a, ...rest } = before;
  const { row: b, ...others } = after;
  const isSameRow = a.path === b.path && a.depth === b.depth && a.expanded === b.expanded;
  return (
    isSameRow && Object.entries(rest).every(([key, value]) => others[key as keyof typeof others] === value)
  );
}
