// What of a folder becomes a project, without a browser's windows.
import { strFromU8, unzipSync } from "fflate";
import { beforeAll, expect, test } from "vitest";
import { startLanguage } from "../../i18n/i18n";
import { pack } from "./pack";
import { checkLimits, checkTotal, LIMITS, leftOutPart } from "./project-files";

beforeAll(() => startLanguage("en"));

const never = new AbortController().signal;
const fileOf = (path: string, content: BlobPart = "x") => ({ path, file: new File([content], path) });
/** A file that says how large it is and is never read. */
const largeFile = (path: string, size: number) => ({ path, file: { name: path, size } as File });

test("what is installed or built stays out, and sources of the same name do not", () => {
  expect(leftOutPart("node_modules", true)).toBe("node_modules");
  expect(leftOutPart("packages/a/node_modules/b/c.js", false)).toBe("packages/a/node_modules");
  expect(leftOutPart("dist/index.html", false)).toBe("dist");
  expect(leftOutPart("dist", true)).toBe("dist");
  expect(leftOutPart("build", false)).toBeUndefined();
  expect(leftOutPart("src/build/index.ts", false)).toBeUndefined();
  expect(leftOutPart("src/.DS_Store", false)).toBe("src/.DS_Store");
  expect(leftOutPart("src/App.tsx", false)).toBeUndefined();
});

test("each limit is told before anything is sent, with the figure that is too large", () => {
  expect(() => checkLimits("shop", [])).toThrow("There are no files in shop.");
  const many = Array.from({ length: LIMITS.files + 1 }, (_, index) => largeFile(`${index}.ts`, 1));
  expect(() => checkLimits("shop", many)).toThrow("shop has 5,001 files; the most is 5,000.");
  expect(() => checkLimits("shop", [largeFile("film.mov", LIMITS.fileBytes + 1024 * 1024)])).toThrow(
    "film.mov has 26 MiB; the most for one file is 25 MiB.",
  );
  const heavy = Array.from({ length: 11 }, (_, index) => largeFile(`${index}.bin`, LIMITS.fileBytes));
  expect(() => checkLimits("shop", heavy)).toThrow("shop has 275 MiB; the most is 250 MiB.");
  expect(() => checkTotal("shop", LIMITS.archiveBytes, LIMITS.archiveBytes)).not.toThrow();
  checkLimits("shop", heavy.slice(1));
});

test("a packed project unpacks to the same files, empty and already packed ones too", async () => {
  const long = "a line of text\n".repeat(40_000);
  const seen: number[] = [];
  const files = [fileOf("index.html", long), fileOf("src/empty.ts", ""), fileOf("logo.png", "not really")];
  const zip = await pack("shop", files, (done) => seen.push(done), never);
  const unpacked = unzipSync(new Uint8Array(await zip.arrayBuffer()));
  expect(Object.keys(unpacked)).toEqual(["index.html", "src/empty.ts", "logo.png"]);
  expect(strFromU8(unpacked["index.html"] ?? new Uint8Array())).toBe(long);
  expect(unpacked["src/empty.ts"]).toHaveLength(0);
  expect(zip.size).toBeLessThan(long.length / 10);
  expect(seen).toEqual([1, 2, 3]);
});

test("packing stops when it is told to", async () => {
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  await expect(pack("shop", [fileOf("a.ts")], () => undefined, stop.signal)).rejects.toThrow("stopped");
});
