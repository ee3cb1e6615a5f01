// The chat's event vocabulary, and the one place where wire frames become it.

export interface ReasoningStep {
  id: string;
  label: string;
  detail: string;
  status: "active" | "complete";
}

export interface Source {
  /** What the answer cites, for example "1" for `[1]`. */
  ref: string;
  title: string;
  excerpt: string;
  /** Set only for http and https addresses. */
  url: string | null;
}

export type ChatEvent =
  | { type: "chat_id"; chatId: string }
  | { type: "run_id"; runId: string }
  | { type: "token"; text: string }
  | { type: "reasoning"; step: ReasoningStep }
  | { type: "retrieval"; sources: Source[] }
  | { type: "error"; message: string }
  | { type: "done" };

type Fields = Record<string, unknown>;

/** Reads one frame. Null for a frame that is not JSON or of a kind this client does not know: later back ends may add some. */
export function parseChatEvent(frame: string): ChatEvent | null {
  const fields = parseFields(frame);
  if (fields === null) return null;
  const data = asFields(fields.data);
  switch (fields.event ?? fields.type) {
    case "run_id":
      return { type: "run_id", runId: text(fields.run_id) };
    case "token":
      // Two shapes are in use: {event, data: {content}} and {type, content}.
      return { type: "token", text: text(data.content ?? fields.content) };
    case "reasoning":
      return { type: "reasoning", step: parseStep(data) };
    case "retrieval":
      return { type: "retrieval", sources: list(data.results).map(parseSource) };
    case "error":
      return { type: "error", message: text(data.message ?? fields.message) || "The back end stopped with an error." };
    case "done":
      return { type: "done" };
    default:
      return null;
  }
}

function parseFields(frame: string): Fields | null {
  try {
    const value: unknown = JSON.parse(frame);
    return typeof value === "object" && value !== null ? (value as Fields) : null;
  } catch {
    return null;
  }
}

function parseStep(data: Fields): ReasoningStep {
  const label = text(data.step) || "Thinking";
  return {
    id: text(data.step_id) || label,
    label,
    detail: text(data.message) || text(data.output),
    status: data.status === "complete" ? "complete" : "active",
  };
}

function parseSource(result: unknown, index: number): Source {
  const fields = asFields(result);
  const metadata = asFields(fields.metadata);
  const origin = text(metadata.source);
  return {
    ref: text(metadata.ref) || String(index + 1),
    title: text(metadata.title) || origin || `Source ${index + 1}`,
    excerpt: text(fields.page_content) || text(metadata.text),
    url: /^https?:\/\//i.test(origin) ? origin : null,
  };
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : "";
}
