// Dragging files within the list: what may be dropped where.
import { folderOf, joinPath } from "./tree-model";

/** What a row carries while it is dragged; no other page and no editor takes it for anything. */
export const DRAG_TYPE = "application/x-vitrine-path";

/** Where `path` ends up when it is dropped on `folder` ("" for the top); null when that would be no move. */
export function dropPath(path: string, folder: string): string | null {
  const isItself = folder === path || folder.startsWith(`${path}/`);
  if (isItself || folderOf(path) === folder) return null;
  return joinPath(folder, path.slice(path.lastIndexOf("/") + 1));
}

/** The folder that a drop on a row means: the row's own when it is one, else the one it is in. */
export function dropFolder(path: string, isFolder: boolean): string {
  return isFolder ? path : folderOf(path);
}
