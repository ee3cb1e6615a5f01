// The gate of `@vitrine/client/server` for servers on `node:http`: calls, and the channel's WebSocket.
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { admit, createGate, type GateOptions, refusal } from "./server.js";

/** As much of `node:http` as is used. */
export interface NodeRequest extends AsyncIterable<Uint8Array> {
  method?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
}

export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(chunk: Uint8Array): boolean;
  end(): unknown;
  once(event: "close" | "drain", listener: () => void): unknown;
  off(event: "close" | "drain", listener: () => void): unknown;
  readonly destroyed: boolean;
}

export interface NodeSocket {
  write(data: Uint8Array | string): boolean;
  end(data?: string): unknown;
  destroy(): unknown;
  on(event: "error" | "close", listener: () => void): unknown;
  /** `never`, as Node.js wants all of a stream of its own here. */
  pipe(to: never): unknown;
}

export interface NodeGate {
  /** For `http.createServer`, of what begins with `path`. */
  (request: NodeRequest, response: NodeResponse): Promise<void>;
  /** For `server.on("upgrade", gate.upgrade)`: the channel. Answers false to what does not begin with `path`, and leaves it alone. */
  upgrade: (request: NodeRequest, socket: NodeSocket, head: Uint8Array) => boolean;
}

/** The gate for `node:http`; see `createGate`. */
export function nodeGate(options: GateOptions): NodeGate {
  const gate = createGate(options);
  const handle = async (incoming: NodeRequest, outgoing: NodeResponse) => {
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    const answer = await gate(webRequest(incoming, gone.signal));
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    try {
      for await (const chunk of answer.body ?? []) {
        if (outgoing.destroyed) break;
        if (!outgoing.write(chunk)) await drained(outgoing);
      }
    } catch {
      // Either side has hung up; what was sent is not mended by an error page.
    }
    outgoing.end();
  };
  const upgrade = (incoming: NodeRequest, socket: NodeSocket, head: Uint8Array) => {
    if (!incoming.url?.startsWith(`${options.path}/`)) return false;
    socket.on("error", () => socket.destroy());
    passUpgrade(options, incoming, socket, head).catch(() => socket.destroy());
    return true;
  };
  return Object.assign(handle, { upgrade });
}

/** What a handshake says that is between the page and Vitrine. A token in a subprotocol would be the page's own. */
const HANDSHAKE = [
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
];

async function passUpgrade(
  options: GateOptions,
  incoming: NodeRequest,
  socket: NodeSocket,
  head: Uint8Array,
): Promise<void> {
  const request = webRequest(incoming, new AbortController().signal);
  const admitted = await admit(request, options);
  if (admitted instanceof Response) return hangUp(socket, admitted);
  const headers: Record<string, string> = {
    authorization: `Bearer ${admitted.credential}`,
    connection: "Upgrade",
    upgrade: "websocket",
  };
  for (const name of HANDSHAKE) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const over = admitted.address.startsWith("https:") ? overHttps : overHttp;
  const outgoing = over(admitted.address, { headers });
  outgoing.on("error", () => void hangUp(socket, refusal(502, "bad_gateway", "Vitrine does not answer.")));
  // No WebSocket after all: a problem, whose status is all that a browser would tell its page.
  outgoing.on(
    "response",
    (answer) => void hangUp(socket, refusal(answer.statusCode ?? 502, "refused", "Not opened.")),
  );
  outgoing.on("upgrade", (answer, upstream, first) => {
    upstream.on("error", () => upstream.destroy());
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
    const lines = [];
    for (let i = 0; i < answer.rawHeaders.length; i += 2)
      lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
    socket.write(first);
    upstream.write(head);
    upstream.pipe(socket as never);
    socket.pipe(upstream as never);
  });
  socket.on("close", () => outgoing.destroy());
  outgoing.end();
}

async function hangUp(socket: NodeSocket, answer: Response): Promise<void> {
  const body = await answer.text();
  const head = `content-type: application/problem+json\r\ncontent-length: ${new TextEncoder().encode(body).length}`;
  socket.end(`HTTP/1.1 ${answer.status} Refused\r\n${head}\r\nconnection: close\r\n\r\n${body}`);
}

function webRequest(incoming: NodeRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, [value].flat().join(", "));
  }
  const method = incoming.method ?? "GET";
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal };
  if (method !== "GET" && method !== "HEAD")
    Object.assign(init, { body: streamOf(incoming), duplex: "half" });
  return new Request(new URL(incoming.url ?? "/", `http://${headers.get("host") ?? "localhost"}`), init);
}

function streamOf(incoming: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = incoming[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

function drained(outgoing: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      outgoing.off("drain", go);
      outgoing.off("close", go);
      resolve();
    };
    outgoing.once("drain", go);
    outgoing.once("close", go);
  });
}
