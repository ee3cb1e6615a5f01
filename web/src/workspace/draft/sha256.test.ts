import { afterEach, expect, test, vi } from "vitest";
import { sha256, sha256OfText } from "./sha256";

const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

afterEach(() => vi.unstubAllGlobals());

test("both ways agree at every padding length", async () => {
  const messages = Array.from({ length: 200 }, (_, length) =>
    Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 255),
  );
  const byBrowser = await Promise.all(messages.map((bytes) => sha256(bytes.buffer)));
  vi.stubGlobal("crypto", {});
  expect(await Promise.all(messages.map((bytes) => sha256(bytes.buffer)))).toEqual(byBrowser);
});

test("text is hashed as UTF-8", async () => {
  expect(await sha256OfText("abc")).toBe(ABC);
  expect(await sha256OfText("ü")).toBe(await sha256(Uint8Array.from([0xc3, 0xbc]).buffer));
});
