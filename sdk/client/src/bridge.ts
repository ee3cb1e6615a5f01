// A preview and the page that shows it in a frame: what the preview tells, checked and bounded, and how the page steers it.

/** Where something stands in the project: the file as written, not as a browser runs it. Lines and columns are 1-based. */
export interface SourcePosition {
  file: string;
  line: number;
  column: number;
}

/** What every event has. `id` is the same here and in the API's stream: whoever reads both knows what they have. */
interface EventBase {
  id: string;
  /** Milliseconds since 1970, by the clock of the browser that shows the preview. */
  at: number;
}

export type ConsoleLevel = "debug" | "log" | "info" | "warn" | "error";

/** A document has begun to run. `can_go_back` and `can_go_forward` are missing where a browser does not tell. */
export interface ReadyEvent extends EventBase {
  kind: "ready";
  route: string;
  title: string;
  can_go_back?: boolean;
  can_go_forward?: boolean;
}

/** The address has changed without a new document. */
export interface NavigationEvent extends EventBase {
  kind: "navigation";
  route: string;
  title: string;
  can_go_back?: boolean;
  can_go_forward?: boolean;
}

export interface ConsoleEvent extends EventBase {
  kind: "console";
  level: ConsoleLevel;
  args: string[];
  source?: SourcePosition;
}

/** What nobody caught; `rejection` when it was a promise's. */
export interface ErrorEvent extends EventBase {
  kind: "error";
  message: string;
  name: string;
  stack?: string;
  rejection: boolean;
  source?: SourcePosition;
}

/** A request that failed: no answer (`failure` says why, as far as a page may know), or a status of 400 and above. */
export interface NetworkEvent extends EventBase {
  kind: "network";
  method: string;
  url: string;
  status?: number;
  duration_ms: number;
  failure?: string;
}

/** The dev server could not make sense of a file; the page shows what it showed before. */
export interface OverlayEvent extends EventBase {
  kind: "overlay";
  message: string;
  file?: string;
  line?: number;
  column?: number;
  frame?: string;
  plugin?: string;
}

export interface OverlayGoneEvent extends EventBase {
  kind: "overlay_gone";
}

/** The page is quiet and shows nothing. */
export interface BlankEvent extends EventBase {
  kind: "blank";
  route: string;
}

export interface NotBlankEvent extends EventBase {
  kind: "not_blank";
}

/**
 * Somebody chose an element. `exact` is false when only the component's file is known and the line is the best match in
 * it. Without a file the element comes from no file of the project.
 */
export interface PickedEvent extends EventBase {
  kind: "picked";
  file?: string;
  line?: number;
  column?: number;
  exact?: boolean;
  component?: string;
  tag: string;
  text: string;
}

export interface PickerEvent extends EventBase {
  kind: "picker";
  on: boolean;
}

/** So many events were more than the budgets allow, and are lost. */
export interface DroppedEvent extends EventBase {
  kind: "dropped";
  count: number;
}

export type PreviewEvent =
  | ReadyEvent
  | NavigationEvent
  | ConsoleEvent
  | ErrorEvent
  | NetworkEvent
  | OverlayEvent
  | OverlayGoneEvent
  | BlankEvent
  | NotBlankEvent
  | PickedEvent
  | PickerEvent
  | DroppedEvent;

export type PreviewEventKind = PreviewEvent["kind"];

/** What a preview posts. `preview` is the id of its session. */
export interface BridgeMessage {
  source: "vitrine-bridge";
  version: 1;
  preview: string;
  events: PreviewEvent[];
}

/** What the page posts to a preview. */
export type BridgeCommand = { source: "vitrine"; version: 1 } & (
  | { type: "hello" | "back" | "forward" | "reload" }
  | { type: "picker"; on: boolean }
  | { type: "go"; route: string }
);

export interface ListenOptions {
  frame: HTMLIFrameElement;
  /** The origin of the preview: that of `preview_url`. Messages of any other are not read. */
  origin: string;
  /** Called for each event in its order. What it throws is reported as an uncaught error and disturbs nothing else. */
  onEvent(event: PreviewEvent, preview: string): void;
}

/** One preview's bridge. Commands sent while the preview loads are lost, but for `pick`: it lasts over reloads. */
export interface PreviewBridge {
  /** Lets a person choose an element; ends by itself with their choice or Escape (a `picker` event says so). */
  pick(on: boolean): void;
  /** Goes to a path of the preview's own origin, such as `/about?x=1#top`. */
  go(route: string): void;
  back(): void;
  forward(): void;
  reload(): void;
  /** Listens no longer. */
  close(): void;
}

/** Events of one message that are read: the preview sends fewer. */
const MAX_EVENTS_A_MESSAGE = 200;

/** Events of one preview read in a second: above what a true bridge sends, so that only a false one is cut short. */
const MAX_EVENTS_A_SECOND = 100;

/** UTF-16 units kept of any text: what the true bridge sends at most. */
const MAX_TEXT = 8_192;

/** Arguments kept of a console call. */
const MAX_ARGUMENTS = 20;

/**
 * Listens to the preview in a frame. Only messages from that frame's window and of `origin` are read, and only what has
 * the form of an event is handed on: everything in it is text that the app, or somebody who attacks it, has written.
 */
export function listenToPreview({ frame, origin, onEvent }: ListenOptions): PreviewBridge {
  const budget = new Budget();
  let picking = false;
  let isGreeted = false;

  function send(command: BridgeCommand): void {
    frame.contentWindow?.postMessage(command, origin);
  }

  function receive(message: MessageEvent<unknown>): void {
    if (message.origin !== origin || message.source === null || message.source !== frame.contentWindow)
      return;
    const read = readBridgeMessage(message.data);
    if (!read) return;
    for (const event of read.events) {
      const allowed = budget.take(Date.now());
      if (allowed === "no") continue;
      if (typeof allowed === "number")
        hand({ id: `listener-${event.id}`, at: event.at, kind: "dropped", count: allowed });
      if (event.kind === "picker") picking = event.on;
      if (event.kind === "ready") isGreeted = true;
      // Before it is handed on: whoever hears of a new document may end picking.
      if (event.kind === "ready" && picking)
        send({ source: "vitrine", version: 1, type: "picker", on: true });
      hand(event);
    }

    function hand(event: PreviewEvent): void {
      try {
        onEvent(event, read?.preview ?? "");
      } catch (error) {
        reportLater(error);
      }
    }
  }

  // Whoever listens late has missed what the document said at its beginning, and asks for it.
  const greet = () => send({ source: "vitrine", version: 1, type: "hello" });
  const loaded = () => {
    if (!isGreeted) greet();
    isGreeted = false;
  };
  window.addEventListener("message", receive);
  frame.addEventListener("load", loaded);
  greet();

  return {
    pick(on) {
      picking = on;
      send({ source: "vitrine", version: 1, type: "picker", on });
    },
    go: (route) => send({ source: "vitrine", version: 1, type: "go", route }),
    back: () => send({ source: "vitrine", version: 1, type: "back" }),
    forward: () => send({ source: "vitrine", version: 1, type: "forward" }),
    reload: () => send({ source: "vitrine", version: 1, type: "reload" }),
    close() {
      window.removeEventListener("message", receive);
      frame.removeEventListener("load", loaded);
    },
  };
}

/** What a message says, with everything cut that is too long; `undefined` when it is not a bridge's. */
export function readBridgeMessage(data: unknown): BridgeMessage | undefined {
  if (!isRecord(data) || data.source !== "vitrine-bridge" || data.version !== 1) return undefined;
  if (typeof data.preview !== "string" || !Array.isArray(data.events)) return undefined;
  const events = data.events.slice(0, MAX_EVENTS_A_MESSAGE).flatMap((event) => readPreviewEvent(event) ?? []);
  return { source: "vitrine-bridge", version: 1, preview: cut(data.preview), events };
}

/** One event, as it comes from a preview or from the API's stream; `undefined` for what is none. */
export function readPreviewEvent(value: unknown): PreviewEvent | undefined {
  if (!isRecord(value)) return undefined;
  const base = { id: text(value.id), at: number(value.at) ?? 0 };
  switch (value.kind) {
    case "ready":
    case "navigation":
      return {
        ...base,
        kind: value.kind,
        route: text(value.route),
        title: text(value.title),
        ...present({
          can_go_back: boolean(value.can_go_back),
          can_go_forward: boolean(value.can_go_forward),
        }),
      };
    case "console":
      return {
        ...base,
        kind: "console",
        level: level(value.level),
        args: texts(value.args),
        ...present({ source: position(value.source) }),
      };
    case "error":
      return {
        ...base,
        kind: "error",
        message: text(value.message),
        name: text(value.name),
        rejection: value.rejection === true,
        ...present({ stack: optionalText(value.stack), source: position(value.source) }),
      };
    case "network":
      return {
        ...base,
        kind: "network",
        method: text(value.method),
        url: text(value.url),
        duration_ms: number(value.duration_ms) ?? 0,
        ...present({ status: number(value.status), failure: optionalText(value.failure) }),
      };
    case "overlay":
      return {
        ...base,
        kind: "overlay",
        message: text(value.message),
        ...present({ ...place(value), frame: optionalText(value.frame), plugin: optionalText(value.plugin) }),
      };
    case "blank":
      return { ...base, kind: "blank", route: text(value.route) };
    case "picked":
      return {
        ...base,
        kind: "picked",
        tag: text(value.tag),
        text: text(value.text),
        ...present({
          ...place(value),
          exact: boolean(value.exact),
          component: optionalText(value.component),
        }),
      };
    case "picker":
      return { ...base, kind: "picker", on: value.on === true };
    case "dropped":
      return { ...base, kind: "dropped", count: number(value.count) ?? 0 };
    case "overlay_gone":
    case "not_blank":
      return { ...base, kind: value.kind };
    default:
      return undefined;
  }
}

/** So many events a second; after a pause it says how many it has let go. */
class Budget {
  private second = 0;
  private taken = 0;
  private dropped = 0;

  take(now: number): "yes" | "no" | number {
    const second = Math.floor(now / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.taken = 0;
    }
    if (this.taken >= MAX_EVENTS_A_SECOND) {
      this.dropped += 1;
      return "no";
    }
    this.taken += 1;
    const dropped = this.dropped;
    this.dropped = 0;
    return dropped > 0 ? dropped : "yes";
  }
}

function reportLater(error: unknown): void {
  setTimeout(() => {
    throw error;
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Leaves out what is not there, so that optional fields are missing instead of undefined. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function cut(value: string): string {
  return value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value;
}

function optionalText(value: unknown): string | undefined {
  return typeof value === "string" ? cut(value) : undefined;
}

function text(value: unknown): string {
  return optionalText(value) ?? "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.slice(0, MAX_ARGUMENTS).map(text) : [];
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function boolean(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function level(value: unknown): ConsoleLevel {
  return value === "debug" || value === "info" || value === "warn" || value === "error" ? value : "log";
}

function place(value: Record<string, unknown>): {
  file?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
} {
  return { file: optionalText(value.file), line: number(value.line), column: number(value.column) };
}

function position(value: unknown): SourcePosition | undefined {
  if (!isRecord(value)) return undefined;
  const { file, line, column } = place(value);
  return file !== undefined && line !== undefined ? { file, line, column: column ?? 1 } : undefined;
}
