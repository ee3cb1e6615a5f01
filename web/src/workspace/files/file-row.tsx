// One file or folder of the list.
import type { DragEvent } from "react";
import { IconButton } from "../../components/button";
import { Icon } from "../../components/icon";
import { strings } from "../../strings";
import styles from "./file-tree.module.css";
import type { Row } from "./tree-model";

interface FileRowProps {
  row: Row;
  active: boolean;
  unsaved: boolean;
  /** Whether Tab leads to this row. */
  tabbable: boolean;
  onActivate: () => void;
  onFocus: () => void;
  onCreate: () => void;
  onRename: () => void;
  onDelete: () => void;
  onDropFiles: (event: DragEvent) => void;
}

export function FileRow(props: FileRowProps) {
  const { row, active, unsaved, tabbable } = props;
  const isFolder = row.expanded !== undefined;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keys
    <div
      role="treeitem"
      className={styles.row}
      data-testid={`file-${row.path}`}
      data-path={row.path}
      aria-level={row.depth + 1}
      aria-expanded={row.expanded}
      aria-selected={active}
      tabIndex={tabbable ? 0 : -1}
      title={row.path}
      style={{ paddingInlineStart: 8 + row.depth * 14 }}
      onClick={props.onActivate}
      onFocus={props.onFocus}
      onDrop={isFolder ? props.onDropFiles : undefined}
    >
      <span className={styles.mark} data-expanded={row.expanded}>
        <Icon name={isFolder ? "chevron" : "file"} />
      </span>
      <span className={styles.name}>{row.name}</span>
      {unsaved && (
        <span
          className={styles.unsaved}
          role="img"
          aria-label={strings.editor.unsaved}
          title={strings.editor.unsaved}
        />
      )}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: only keeps clicks on the buttons from the row */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keys for these are on the tree */}
      <span className={styles.actions} onClick={(event) => event.stopPropagation()}>
        {isFolder && (
          <IconButton
            small
            tabIndex={-1}
            icon="plus"
            label={strings.files.newFileIn(row.path)}
            onClick={props.onCreate}
          />
        )}
        <IconButton small tabIndex={-1} icon="pencil" label={strings.files.rename} onClick={props.onRename} />
        <IconButton small tabIndex={-1} icon="trash" label={strings.files.delete} onClick={props.onDelete} />
      </span>
    </div>
  );
}
