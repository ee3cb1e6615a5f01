// Reads a dropped or chosen folder, without what does not belong to a project.
import i18next from "i18next";
import { leftOutPart, NotImportable, type ProjectFile } from "./project-files";

export interface Collected {
  name: string;
  files: ProjectFile[];
  /** The folders and files that were left out, by the parts of their paths that say why. */
  leftOut: string[];
}

/** What was dropped: one .zip as it is, or one folder to be read. Anything else is not importable. */
export type Dropped = { kind: "zip"; file: File } | { kind: "folder"; entry: FileSystemDirectoryEntry };

/** To be called while the event is under way: afterwards the browser takes the entries back. */
export function droppedOf(transfer: DataTransfer): Dropped | undefined {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const [entry, ...others] = entries;
  if (others.length > 0) return undefined;
  if (entry?.isDirectory) return { kind: "folder", entry: entry as FileSystemDirectoryEntry };
  const [file] = transfer.files;
  return file && isZip(file) ? { kind: "zip", file } : undefined;
}

export function isZip({ name }: File): boolean {
  return name.toLowerCase().endsWith(".zip");
}

/** A folder that was chosen in the browser's own window, as the flat list it gives. */
export function chosenFolder(list: readonly File[]): Collected {
  const name = list[0]?.webkitRelativePath.split("/")[0] ?? "";
  const leftOut = new Set<string>();
  const files: ProjectFile[] = [];
  for (const file of list) {
    const path = file.webkitRelativePath.split("/").slice(1).join("/");
    const part = leftOutPart(path, false);
    if (part === undefined) files.push({ path, file });
    else leftOut.add(part);
  }
  return { name, files, leftOut: [...leftOut] };
}

/** Reads a dropped folder; `onFound` is told how many files there are so far. */
export async function readFolder(
  root: FileSystemDirectoryEntry,
  onFound: (found: number) => void,
  signal: AbortSignal,
): Promise<Collected> {
  const files: ProjectFile[] = [];
  const leftOut: string[] = [];
  const prefix = `${root.fullPath}/`;
  const waiting = [root];
  for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
    for (const entry of await entriesOf(folder)) {
      signal.throwIfAborted();
      const path = entry.fullPath.slice(prefix.length);
      const part = leftOutPart(path, entry.isDirectory);
      if (part !== undefined) leftOut.push(part);
      else if (entry.isDirectory) waiting.push(entry as FileSystemDirectoryEntry);
      else files.push({ path, file: await fileOf(entry as FileSystemFileEntry, path) });
    }
    onFound(files.length);
  }
  return { name: root.name, files, leftOut };
}

/** A folder tells its entries in pieces, the last one empty. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const piece = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, (error) => reject(unreadable(folder.fullPath, error)));
    });
    if (piece.length === 0) return all;
    all.push(...piece);
  }
}

function fileOf(entry: FileSystemFileEntry, path: string): Promise<File> {
  return new Promise((resolve, reject) => {
    entry.file(resolve, (error) => reject(unreadable(path, error)));
  });
}

export function unreadable(path: string, error: unknown): NotImportable {
  const reason = error instanceof Error ? error.message : String(error);
  return new NotImportable(i18next.t("home:import.unreadable", { path, reason }));
}
