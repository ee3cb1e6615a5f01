// Packs the files of a project into a zip, piece by piece, so that the page stays quick and can stop at any time.
import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { unreadable } from "./collect";
import { checkTotal, LIMITS, type ProjectFile } from "./project-files";

/** Packed already: packing again costs time and gains nothing. */
const PACKED = /\.(png|jpe?g|gif|webp|avif|woff2?|mp[34]|webm|zip|gz|br|pdf)$/i;
/** Packing this much takes a few milliseconds: between two pieces the page can do something else. */
const PIECE_BYTES = 128 * 1024;

/** The zip; `onPacked` is told how many files are in it. Throws when it gets larger than the server takes. */
export async function pack(
  name: string,
  files: readonly ProjectFile[],
  onPacked: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const pieces: BlobPart[] = [];
  let bytes = 0;
  let failure: Error | undefined;
  const zip = new Zip((error, piece) => {
    if (error) failure = error;
    pieces.push(piece as Uint8Array<ArrayBuffer>);
    bytes += piece.length;
  });
  let done = 0;
  for (const { path, file } of files) {
    const entry = PACKED.test(path) ? new ZipPassThrough(path) : new ZipDeflate(path, { level: 6 });
    entry.mtime = file.lastModified;
    zip.add(entry);
    await feed(entry, path, file, signal);
    if (failure) throw unreadable(path, failure);
    checkTotal(name, bytes, LIMITS.archiveBytes);
    done += 1;
    onPacked(done);
  }
  zip.end();
  return new Blob(pieces, { type: "application/zip" });
}

async function feed(
  entry: ZipDeflate | ZipPassThrough,
  path: string,
  file: File,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    signal.throwIfAborted();
    const piece = await file
      .slice(at, at + PIECE_BYTES)
      .arrayBuffer()
      .catch((error: unknown) => {
        throw unreadable(path, error);
      });
    entry.push(new Uint8Array(piece), at + PIECE_BYTES >= file.size);
  }
  if (file.size === 0) entry.push(new Uint8Array(), true);
}
