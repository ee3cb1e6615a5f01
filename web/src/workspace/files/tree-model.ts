// The rows of the file list, from nothing but paths.

export interface Row {
  path: string;
  name: string;
  /** From 0. */
  depth: number;
  /** For folders; undefined for files. */
  expanded?: boolean;
}

interface Folder {
  folders: Map<string, Folder>;
  files: string[];
}

/** Folders before files, each by name; what is inside a folder that is not expanded is left out. */
export function rowsOf(paths: Iterable<string>, isExpanded: (folder: string) => boolean): Row[] {
  const root: Folder = { folders: new Map(), files: [] };
  for (const path of paths) insert(root, path);
  const rows: Row[] = [];
  collect(root, "", 0, isExpanded, rows);
  return rows;
}

function insert(root: Folder, path: string): void {
  const segments = path.split("/");
  const name = segments.pop();
  if (name === undefined) return;
  let folder = root;
  for (const segment of segments) {
    let next = folder.folders.get(segment);
    if (!next) {
      next = { folders: new Map(), files: [] };
      folder.folders.set(segment, next);
    }
    folder = next;
  }
  folder.files.push(name);
}

function collect(
  folder: Folder,
  prefix: string,
  depth: number,
  isExpanded: (folder: string) => boolean,
  rows: Row[],
): void {
  const folders = [...folder.folders].sort(([a], [b]) => compareNames(a, b));
  for (const [name, inner] of folders) {
    const path = prefix + name;
    const expanded = isExpanded(path);
    rows.push({ path, name, depth, expanded });
    if (expanded) collect(inner, `${path}/`, depth + 1, isExpanded, rows);
  }
  for (const name of folder.files.sort(compareNames)) rows.push({ path: prefix + name, name, depth });
}

// Made once: a list of thousands is sorted in a few milliseconds.
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

/** The folder a path is in, "" for the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Puts a name into a folder. */
export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** A free name for a copy beside `path`: `logo copy.svg`, `logo copy 2.svg`. */
export function copyName(path: string, isTaken: (path: string) => boolean): string {
  const start = path.lastIndexOf("/") + 1;
  const dot = path.lastIndexOf(".");
  const end = dot > start ? dot : path.length;
  for (let number = 1; ; number++) {
    const copy = `${path.slice(0, end)} copy${number === 1 ? "" : ` ${number}`}${path.slice(end)}`;
    if (!isTaken(copy)) return copy;
  }
}

/** Catches slips before the server does; the server has the last word on paths. */
export function isPlausiblePath(path: string): boolean {
  if (path.includes("\\")) return false;
  return path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

export type Move = "up" | "down" | "first" | "last" | "out" | "in";

/** Where the focus goes from row `index`; "in" enters an expanded folder, "out" goes to the folder above. */
export function moveFocus(rows: readonly Row[], index: number, move: Move): number {
  const last = rows.length - 1;
  if (move === "first") return 0;
  if (move === "last") return last;
  if (move === "up") return Math.max(0, index - 1);
  if (move === "down") return Math.min(last, index + 1);
  const depth = rows[index]?.depth ?? 0;
  if (move === "in") return (rows[index + 1]?.depth ?? 0) > depth ? index + 1 : index;
  for (let above = index - 1; above >= 0; above--) if ((rows[above]?.depth ?? 0) < depth) return above;
  return index;
}
