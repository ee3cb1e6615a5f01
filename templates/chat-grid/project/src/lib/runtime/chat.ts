// One exchange with the app's chat back end, as a stream of events.
import { loadRuntimeConfig, publicEndpoint } from "./config";
import { requireAnswer, RuntimeError } from "./errors";
import { type ChatEvent, parseChatEvent } from "./events";
import { authHeaders } from "./session";
import { readEventData } from "./sse";

export interface ChatMessage {
  role: "user" | "assistant";
  content: string;
}

export interface ChatRequest {
  input: string;
  /** The exchange so far, oldest first, without `input`. */
  messages: ChatMessage[];
  /** Continues a conversation the back end keeps; null starts one. */
  chatId: string | null;
  /** Anything the back end should know, such as what the reader has open. */
  context?: Record<string, unknown>;
}

/**
 * Asks the back end and yields events until "done". Throws a RuntimeError when there is no back end, when it refuses,
 * or when the stream ends early; aborting `signal` ends it with the browser's AbortError.
 */
export async function* streamChat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const config = await loadRuntimeConfig();
  const response = await fetch(publicEndpoint(config, "chat/stream"), {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", ...authHeaders(config.appSlug) },
    body: JSON.stringify({
      input: request.input,
      messages: request.messages,
      ...(request.chatId === null ? {} : { chat_id: request.chatId }),
      ...(request.context === undefined ? {} : { context: request.context }),
    }),
    signal,
  });
  await requireAnswer(response, "text/event-stream");
  const chatId = response.headers.get("x-chat-id");
  if (chatId) yield { type: "chat_id", chatId };
  if (response.body) yield* readChatEvents(response.body);
}

async function* readChatEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatEvent> {
  for await (const frame of readEventData(body)) {
    const event = parseChatEvent(frame);
    if (event === null) continue;
    if (event.type === "error") throw new RuntimeError("server", event.message);
    yield event;
    if (event.type === "done") return;
  }
  throw new RuntimeError("interrupted", "The answer was cut off before it was complete.");
}
