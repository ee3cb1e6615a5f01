// What the client costs a page, and that a page which takes a part pays for the part.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

/** What a page that begins with this code downloads, in bytes after compression. */
async function sizeOf(code: string): Promise<{ bytes: number; text: string }> {
  const source = (name: string) => fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));
  const entry = "virtual:page";
  const result = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: true, rolldownOptions: { input: entry } },
    resolve: { alias: { "@vitrine/client/channel": source("channel"), "@vitrine/client": source("index") } },
    plugins: [
      {
        name: "page",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
  });
  const [output] = [result].flat();
  if (!output || !("output" in output)) throw new Error("nothing was built");
  const text = output.output.map((part) => (part.type === "chunk" ? part.code : "")).join("");
  return { bytes: gzipSync(text).length, text };
}

// Room for some operations more. Whoever needs a larger number changes docs/sdk.md as well.
const CLIENT_MOST_BYTES = 8 * 1024;
const CHANNEL_MOST_BYTES = 2.5 * 1024;

test("the whole client is small", async () => {
  const { bytes } = await sizeOf(
    'import { Vitrine } from "@vitrine/client"; window.vitrine = new Vitrine({ url: "/" });',
  );
  expect(bytes).toBeLessThan(CLIENT_MOST_BYTES);
  expect(bytes).toBeGreaterThan(2_000);
});

test("a page that takes the channel alone gets nothing else", async () => {
  const { bytes, text } = await sizeOf(
    'import { openChannel } from "@vitrine/client/channel"; window.channel = openChannel({ url: "/", onMessage() {} });',
  );
  expect(bytes).toBeLessThan(CHANNEL_MOST_BYTES);
  expect(text).not.toContain("Idempotency-Key");
});

test("an import that is not used leaves nothing behind", async () => {
  const { text } = await sizeOf('import { Vitrine, VitrineError } from "@vitrine/client"; window.x = 1;');
  expect(text.trim().length).toBeLessThan(200);
});
