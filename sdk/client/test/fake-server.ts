// A server of the tests' own: answers what it is told to, and remembers what it was asked.

export interface Asked {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
}

export type Answer = Response | (() => Response) | Error;

export class FakeServer {
  readonly asked: Asked[] = [];
  readonly #answers: Answer[];

  /** Answers one after the other; the last one again and again. */
  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  readonly fetch = (async (input: RequestInfo | URL, init: RequestInit = {}) => {
    init.signal?.throwIfAborted();
    const { body } = init;
    this.asked.push({
      method: init.method ?? "GET",
      url: new URL(String(input)),
      headers: new Headers(init.headers),
      body: typeof body === "string" ? JSON.parse(body) : body,
    });
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    if (answer instanceof Error) throw answer;
    if (typeof answer === "function") return answer();
    return answer?.clone() ?? hanging(init.signal ?? undefined);
  }) as typeof fetch;
}

/** No answer, until the caller has had enough. */
function hanging(signal: AbortSignal | undefined): Promise<Response> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function problem(
  status: number,
  code: string,
  more: object = {},
  headers: Record<string, string> = {},
): Response {
  const body = { type: "about:blank", title: "It went wrong", status, code, detail: "Try this.", ...more };
  return json(body, status, { "content-type": "application/problem+json", ...headers });
}

/** A stream that says `pieces` and then ends, or hangs up. */
export function stream(pieces: string[], end: "ends" | "hangs up" = "ends"): () => Response {
  return () => {
    const rest = pieces.map((piece) => new TextEncoder().encode(piece));
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = rest.shift();
        if (next) controller.enqueue(next);
        else if (end === "ends") controller.close();
        else controller.error(new TypeError("terminated"));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
}
