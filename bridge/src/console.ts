// What the page writes to its console.
import type { ConsoleLevel } from "../../sdk/client/src/bridge";
import { argumentsAsText } from "./inspect";
import { locate } from "./locate";
import { apply } from "./native";
import { tellMade } from "./outlet";

const METHODS: Record<string, ConsoleLevel> = {
  debug: "debug",
  trace: "debug",
  log: "log",
  dir: "log",
  table: "log",
  info: "info",
  warn: "warn",
  error: "error",
};

/** Writing an object to text may run code of the page's, which may write to the console. */
let isWriting = false;

export function watchConsole(): void {
  for (const [method, level] of Object.entries(METHODS)) wrap(method, (args) => told(level, args));
  wrap("assert", ([holds, ...rest]) => {
    if (!holds) told("error", rest.length > 0 ? ["Assertion failed:", ...rest] : ["Assertion failed"]);
  });
}

function wrap(method: string, note: (args: unknown[]) => void): void {
  const methods = console as unknown as Record<string, unknown>;
  const original = methods[method];
  if (typeof original !== "function") return;
  const wrapped = {
    [method](this: unknown, ...args: unknown[]): unknown {
      if (!isWriting) {
        isWriting = true;
        try {
          note(args);
        } catch {
          // What cannot be written to text is in the browser's own console still.
        } finally {
          isWriting = false;
        }
      }
      return apply(original, this, args);
    },
  };
  methods[method] = wrapped[method];
}

function told(level: ConsoleLevel, args: unknown[]): void {
  // What Vite's client says about itself on every load.
  if (level === "debug" && typeof args[0] === "string" && args[0].startsWith("[vite]")) return;
  tellMade(() => {
    const { stack } = new Error();
    const locating = locate(stack).then((source) => (source ? { source } : undefined));
    return [{ kind: "console", level, args: argumentsAsText(args) }, locating];
  });
}
