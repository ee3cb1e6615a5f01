// The keyboard in the file list, as in every tree: arrows, Home, End, Enter, F2, Delete, and letters that lead to a name.
import { type KeyboardEvent, useRef, useState } from "react";
import { type Move, moveFocus, type Row } from "./tree-model";

/** Letters that come faster than this are one word. */
const LETTERS_MS = 700;

interface TreeKeys {
  rows: readonly Row[];
  onOpen: (path: string) => void;
  onExpand: (folder: string, expanded: boolean) => void;
  onRename: (path: string) => void;
  onDelete: (path: string) => void;
}

export function useTreeFocus({ rows, onOpen, onExpand, onRename, onDelete }: TreeKeys) {
  const tree = useRef<HTMLDivElement>(null);
  const [focusedPath, setFocusedPath] = useState<string>();
  const found = rows.findIndex((row) => row.path === focusedPath);
  const index = Math.max(0, found);
  const row = rows[index];

  const go = (move: Move) => {
    const path = rows[moveFocus(rows, index, move)]?.path;
    if (path === undefined) return;
    focusOn(path);
  };
  const focusOn = (path: string) =>
    tree.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`)?.focus();
  const typed = useRef({ letters: "", at: 0 });
  /** The next row whose name begins with the letters typed in one go. */
  const toLetters = (letter: string, at: number) => {
    const isMore = at - typed.current.at < LETTERS_MS;
    typed.current = { letters: (isMore ? typed.current.letters : "") + letter.toLowerCase(), at };
    const { letters } = typed.current;
    const from = index + (letters.length > 1 ? 0 : 1);
    const order = [...rows.slice(from), ...rows.slice(0, from)];
    const hit = order.find(({ name }) => name.toLowerCase().startsWith(letters));
    if (hit) focusOn(hit.path);
  };
  const activate = () => {
    if (!row) return;
    if (row.expanded === undefined) onOpen(row.path);
    else onExpand(row.path, !row.expanded);
  };
  const expand = (expanded: boolean, orElse: Move) => {
    if (row?.expanded === !expanded) onExpand(row.path, expanded);
    else go(orElse);
  };
  const keys = new Map<string, () => void>([
    ["ArrowUp", () => go("up")],
    ["ArrowDown", () => go("down")],
    ["Home", () => go("first")],
    ["End", () => go("last")],
    ["ArrowRight", () => expand(true, "in")],
    ["ArrowLeft", () => expand(false, "out")],
    ["Enter", activate],
    [" ", activate],
    ["F2", () => row && onRename(row.path)],
    ["Delete", () => row && onDelete(row.path)],
  ]);
  const onKeyDown = (event: KeyboardEvent) => {
    const act = keys.get(event.key);
    // Buttons inside a row keep their own keys.
    const onRow = (event.target as HTMLElement).getAttribute("role") === "treeitem";
    if (!onRow || event.ctrlKey || event.metaKey || event.altKey) return;
    if (act) {
      event.preventDefault();
      act();
    } else if (event.key.length === 1) {
      toLetters(event.key, event.timeStamp);
    }
  };
  // The first row is where Tab leads, but nobody chose it.
  return { tree, tabRow: row, chosenRow: rows[found], setFocusedPath, focusOn, onKeyDown };
}
