// What the rows of the list do under the pointer: click, menu, and dragging files within the list or onto it.
import { type DragEvent, type MouseEvent, useMemo, useRef, useState } from "react";
import { DRAG_TYPE, dropFolder, dropPath } from "./drag";
import type { MenuPlace } from "./file-menu";
import type { RowHandlers } from "./file-row";
import type { Row } from "./tree-model";
import type { useUploads } from "./use-uploads";

interface Wishes {
  activate: (row: Row) => void;
  focus: (row: Row) => void;
  move: (from: string, to: string) => void;
  uploads: ReturnType<typeof useUploads>;
}

export function useRowHandlers(wishes: Wishes) {
  const latest = useRef(wishes);
  latest.current = wishes;
  const dragged = useRef<string>(undefined);
  const [menu, setMenu] = useState<MenuPlace>();
  /** The folder that a drop would land in now, "" for the top. */
  const [target, setTarget] = useState<string>();

  const handlers = useMemo(() => {
    const over = (folder: string, event: DragEvent) => {
      const isFile = event.dataTransfer.types.includes("Files");
      const isMove = dragged.current !== undefined && dropPath(dragged.current, folder) !== null;
      event.stopPropagation();
      setTarget(isMove || isFile ? folder : undefined);
      if (!isMove && !isFile) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = isMove ? "move" : "copy";
    };
    const drop = (folder: string, event: DragEvent) => {
      event.preventDefault();
      event.stopPropagation();
      setTarget(undefined);
      const from = dragged.current;
      dragged.current = undefined;
      if (from === undefined) return latest.current.uploads.drop(event, folder);
      const to = dropPath(from, folder);
      if (to !== null) latest.current.move(from, to);
    };
    const folderOfRow = (row: Row) => dropFolder(row.path, row.expanded !== undefined);
    const rowHandlers: RowHandlers = {
      activate: (row) => latest.current.activate(row),
      focus: (row) => latest.current.focus(row),
      menu: (row, event) => {
        event.preventDefault();
        latest.current.focus(row);
        setMenu({ row, anchor: anchorOf(event) });
      },
      dragStart: (row, event) => {
        dragged.current = row.path;
        event.dataTransfer.setData(DRAG_TYPE, row.path);
        event.dataTransfer.effectAllowed = "move";
      },
      dragOver: (row, event) => over(folderOfRow(row), event),
      drop: (row, event) => drop(folderOfRow(row), event),
      dragEnd: () => {
        dragged.current = undefined;
        setTarget(undefined);
      },
    };
    const top = {
      onDragOver: (event: DragEvent) => over("", event),
      onDrop: (event: DragEvent) => drop("", event),
      onDragLeave: (event: DragEvent) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setTarget(undefined);
      },
    };
    return { rowHandlers, top };
  }, []);
  return {
    handlers: handlers.rowHandlers,
    /** For what is around the rows: a drop there is one at the top. */
    topTarget: handlers.top,
    menu,
    closeMenu: () => setMenu(undefined),
    target,
  };
}

/** At the pointer when there is one, else at the row. */
function anchorOf(event: MouseEvent<HTMLElement>): MenuPlace["anchor"] {
  const isPointer = event.type === "contextmenu" && event.button === 2;
  return isPointer ? { x: event.clientX, y: event.clientY } : event.currentTarget;
}
