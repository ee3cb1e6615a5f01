// Values as text, as a console shows them: bounded, without running code of the page's where that can be helped.

/** Characters kept of one argument, and of all arguments of a call. */
const MAX_ARGUMENT = 8_000;
const MAX_CALL = 32_000;
const MAX_ARGUMENTS = 20;

const MAX_DEPTH = 4;
const MAX_ITEMS = 50;

/** The arguments of a console call. `%s` and the like in the first take up those behind it (Console, 2.2). */
export function argumentsAsText(args: readonly unknown[]): string[] {
  const rest = [...args];
  const texts: string[] = [];
  if (typeof rest[0] === "string" && rest.length > 1 && rest[0].includes("%")) texts.push(formatted(rest));
  let room = MAX_CALL;
  for (const value of rest.slice(0, MAX_ARGUMENTS)) texts.push(asText(value));
  return texts.slice(0, MAX_ARGUMENTS).flatMap((text) => {
    const kept = cut(text, Math.min(MAX_ARGUMENT, room));
    room -= kept.length;
    return room > 0 || kept !== "" || text === "" ? [kept] : [];
  });
}

/** Takes the format and what it uses off the front. */
function formatted(args: unknown[]): string {
  const format = String(args.shift());
  return format.replace(/%[sdifoOjc%]/g, (directive) => {
    if (directive === "%%") return "%";
    if (args.length === 0) return directive;
    const value = args.shift();
    if (directive === "%c") return "";
    if (directive === "%d" || directive === "%i") return String(Math.trunc(Number(value)));
    if (directive === "%f") return String(Number(value));
    return asText(value);
  });
}

/** A value as text; a string as it is. */
export function asText(value: unknown): string {
  if (typeof value === "string") return value;
  const out = new Writer();
  write(out, value, 0, []);
  return out.text;
}

class Writer {
  text = "";

  add(text: string): boolean {
    if (this.text.length + text.length > MAX_ARGUMENT) {
      if (!this.text.endsWith("…"))
        this.text = `${this.text}${text.slice(0, MAX_ARGUMENT - this.text.length)}…`;
      return false;
    }
    this.text += text;
    return true;
  }

  get isFull(): boolean {
    return this.text.length >= MAX_ARGUMENT;
  }
}

function write(out: Writer, value: unknown, depth: number, above: object[]): void {
  if (typeof value === "string") out.add(depth === 0 ? value : quoted(value));
  else if (typeof value === "bigint") out.add(`${value}n`);
  else if (typeof value === "function") out.add(functionAsText(value));
  else if (Object.is(value, -0)) out.add("-0");
  else if (typeof value !== "object" || value === null) out.add(String(value));
  else if (above.includes(value)) out.add("[circular]");
  else writeObject(out, value, depth, [...above, value]);
}

function functionAsText(value: { name?: unknown }): string {
  return typeof value.name === "string" && value.name !== "" ? `ƒ ${value.name}()` : "ƒ ()";
}

function writeObject(out: Writer, value: object, depth: number, above: object[]): void {
  const simple = simpleObject(value, depth);
  if (simple !== undefined) {
    out.add(simple);
  } else if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = value as unknown as ArrayLike<unknown>;
    if (!Array.isArray(value)) out.add(`${nameOf(value)} `);
    writeList(out, ["[", "]"], items.length ?? 0, depth, (index) =>
      write(out, items[index], depth + 1, above),
    );
  } else if (value instanceof Map) {
    const pairs = [...value];
    out.add(`Map(${pairs.length}) `);
    writeList(out, ["{", "}"], pairs.length, depth, (index) => {
      const [key, item] = pairs[index] ?? [];
      write(out, key, depth + 1, above);
      out.add(" => ");
      write(out, item, depth + 1, above);
    });
  } else if (value instanceof Set) {
    const items = [...value];
    out.add(`Set(${items.length}) `);
    writeList(out, ["{", "}"], items.length, depth, (index) => write(out, items[index], depth + 1, above));
  } else {
    writeFields(out, value, depth, above);
  }
}

/** What is said in a word, whatever it holds. */
function simpleObject(value: object, depth: number): string | undefined {
  if (value instanceof Error) return errorAsText(value, depth);
  if (value instanceof Element) return elementAsText(value);
  if (value instanceof Node) return value.nodeName;
  if (value instanceof Window) return "Window";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  return undefined;
}

function errorAsText(error: Error, depth: number): string {
  const { name, message, stack } = error;
  const words = `${name}: ${message}`;
  if (depth > 0 || typeof stack !== "string") return words;
  return stack.includes(message) ? stack : `${words}\n${stack}`;
}

export function elementAsText(element: Element): string {
  const attribute = (name: string) => {
    const value = element.getAttribute(name);
    return value ? ` ${name}=${quoted(cut(value, 80))}` : "";
  };
  return `<${element.localName}${attribute("id")}${attribute("class")}>`;
}

function writeFields(out: Writer, value: object, depth: number, above: object[]): void {
  const name = nameOf(value);
  if (name !== "Object" && name !== "") out.add(`${name} `);
  const keys = Object.keys(value);
  writeList(out, ["{", "}"], keys.length, depth, (index) => {
    const key = keys[index] ?? "";
    out.add(`${/^[\w$]+$/.test(key) ? key : quoted(key)}: `);
    // Asking for the value would run what computes it.
    const field = Object.getOwnPropertyDescriptor(value, key);
    if (!field || field.get) out.add("(…)");
    else write(out, field.value, depth + 1, above);
  });
}

function writeList(
  out: Writer,
  [open, close]: [string, string],
  length: number,
  depth: number,
  item: (index: number) => void,
): void {
  if (depth >= MAX_DEPTH && length > 0) {
    out.add(`${open}…${close}`);
    return;
  }
  out.add(open);
  for (let index = 0; index < length && !out.isFull; index += 1) {
    if (index > 0) out.add(", ");
    if (index === MAX_ITEMS) {
      out.add(`… ${length - MAX_ITEMS} more`);
      break;
    }
    item(index);
  }
  out.add(close);
}

function nameOf(value: object): string {
  const { constructor: maker } = (Object.getPrototypeOf(value) ?? {}) as { constructor?: { name?: unknown } };
  return typeof maker?.name === "string" ? maker.name : "";
}

function quoted(text: string): string {
  return `"${cut(text, MAX_ARGUMENT).replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, Math.max(0, most - 1))}…` : text;
}
