// What of a folder is a project, and how much a project may be: the server's rules, told before anything is sent.
import i18next from "i18next";
import { countOf, memoryOf } from "../../components/format";

const MIB = 1024 * 1024;

/** As the server has them (`crates/model/src/limits.rs`). */
export const LIMITS = {
  files: 5_000,
  fileBytes: 25 * MIB,
  totalBytes: 250 * MIB,
  archiveBytes: 100 * MIB,
} as const;

/** A file of a project; its path has no leading folder of its own. */
export interface ProjectFile {
  path: string;
  file: File;
}

/** Something that cannot be imported, with the reason as a person reads it. */
export class NotImportable extends Error {}

/** Anywhere: installed packages, version control, what systems leave (`crates/build/src/archive/skip.rs`). */
const ANYWHERE = new Set([
  "node_modules",
  ".git",
  ".hg",
  ".svn",
  "__macosx",
  ".ds_store",
  "thumbs.db",
  "desktop.ini",
]);

/** At the root only: what builds and tools make. Deeper down, such names are sources. */
const ROOT_FOLDERS = new Set([
  "dist",
  "build",
  ".astro",
  ".vite",
  ".cache",
  "coverage",
  ".next",
  ".turbo",
  ".output",
  ".svelte-kit",
  ".nuxt",
  ".parcel-cache",
  ".vitrine",
]);

/** The part of a path that makes it left out, such as `a/node_modules`; undefined for what belongs to the project. */
export function leftOutPart(path: string, isFolder: boolean): string | undefined {
  const parts = path.split("/");
  const index = parts.findIndex((part, at) => {
    const name = part.toLowerCase();
    const isInner = at < parts.length - 1 || isFolder;
    return ANYWHERE.has(name) || name.startsWith("._") || (at === 0 && isInner && ROOT_FOLDERS.has(name));
  });
  return index === -1 ? undefined : parts.slice(0, index + 1).join("/");
}

/** Throws when the files are more than the server takes. */
export function checkLimits(name: string, files: readonly ProjectFile[]): void {
  if (files.length === 0) throw new NotImportable(i18next.t("home:import.empty", { name }));
  if (files.length > LIMITS.files) {
    const figures = { name, found: countOf(files.length), limit: countOf(LIMITS.files) };
    throw new NotImportable(i18next.t("home:import.tooMany", figures));
  }
  const large = files.find(({ file }) => file.size > LIMITS.fileBytes);
  if (large) {
    const figures = { path: large.path, size: memoryOf(large.file.size), limit: memoryOf(LIMITS.fileBytes) };
    throw new NotImportable(i18next.t("home:import.tooLarge", figures));
  }
  checkTotal(
    name,
    files.reduce((sum, { file }) => sum + file.size, 0),
    LIMITS.totalBytes,
  );
}

export function checkTotal(name: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  const figures = { name, size: memoryOf(bytes), limit: memoryOf(limit) };
  throw new NotImportable(i18next.t("home:import.tooMuch", figures));
}
