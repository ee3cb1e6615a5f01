// The way through a product's own server: what passes, what stays with the product, and who is let through.
import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { Vitrine } from "../src/index.js";
import { nodeGate } from "../src/node.js";
import { createGate, type GateOptions, mintToken } from "../src/server.js";
import { FakeServer, json, stream } from "./fake-server.js";

const SECRET = "a secret of at least thirty-two bytes";

function gateTo(server: FakeServer, options: Partial<GateOptions> = {}) {
  vi.stubGlobal("fetch", server.fetch);
  return createGate({
    url: "https://vitrine.internal",
    path: "/vitrine",
    token: () => "token-of-ada",
    ...options,
  });
}

const asked = (path: string, init: RequestInit = {}) => new Request(`https://shop.example${path}`, init);

let running: Server | undefined;
afterEach(() => {
  vi.unstubAllGlobals();
  running?.close();
  running = undefined;
});

test("a token says who it is for, and is signed", async () => {
  const token = await mintToken(SECRET, {
    issuer: "shop",
    audience: "vitrine",
    subject: "ada",
    name: "Ä",
    tenant: "t",
  });
  const [head = "", payload = "", signature] = token.split(".");
  expect(signature).toBe(createHmac("sha256", SECRET).update(`${head}.${payload}`).digest("base64url"));
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  expect(claims).toMatchObject({ iss: "shop", aud: "vitrine", sub: "ada", name: "Ä", tenant: "t" });
  expect(claims.exp - Date.now() / 1000).toBeGreaterThan(290);
});

test("a call passes with the person's token, and without what is the product's", async () => {
  const server = new FakeServer(json({ items: [] }, 200, { "set-cookie": "vitrine=1", etag: '"x"' }));
  const gate = gateTo(server);
  const answer = await gate(
    asked("/vitrine/v1/apps?limit=2", {
      headers: { cookie: "shop=1", authorization: "Basic x", "last-event-id": "7" },
    }),
  );
  expect(answer.status).toBe(200);
  expect(answer.headers.get("set-cookie")).toBeNull();
  expect(answer.headers.get("etag")).toBe('"x"');
  const [seen] = server.asked;
  expect(seen?.url.href).toBe("https://vitrine.internal/v1/apps?limit=2");
  expect(Object.fromEntries(seen?.headers ?? [])).toEqual({
    authorization: "Bearer token-of-ada",
    "last-event-id": "7",
  });
});

test("nobody is let through who is not signed in, comes from elsewhere, or asks for what is not offered", async () => {
  const server = new FakeServer(json({}));
  const status = async (gate: ReturnType<typeof createGate>, request: Request) =>
    (await gate(request)).status;
  expect(await status(gateTo(server, { token: () => undefined }), asked("/vitrine/v1/apps"))).toBe(401);
  const gate = gateTo(server, { allow: (method, path) => method === "GET" && path.startsWith("/v1/apps") });
  expect(await status(gate, asked("/vitrine/v1/apps", { headers: { "sec-fetch-site": "cross-site" } }))).toBe(
    403,
  );
  expect(await status(gate, asked("/vitrine/v1/apps", { headers: { "sec-fetch-site": "same-site" } }))).toBe(
    403,
  );
  expect(await status(gate, asked("/vitrine/v1/apps", { headers: { origin: "https://evil.example" } }))).toBe(
    403,
  );
  expect(await status(gate, asked("/vitrine/v1/keys"))).toBe(403);
  expect(await status(gate, asked("/vitrine/metrics"))).toBe(404);
  expect(await status(gate, asked("/vitrine/v1/../metrics"))).toBe(404);
  expect(await status(gate, asked("/vitrinev1/apps"))).toBe(404);
  expect(server.asked).toHaveLength(0);
});

test("a Vitrine that is away is a problem like any other", async () => {
  const gate = gateTo(new FakeServer(new TypeError("fetch failed")));
  const answer = await gate(asked("/vitrine/v1/apps"));
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ code: "bad_gateway" });
});

test("over node:http bodies arrive whole, and streams as they come", async () => {
  const real = fetch;
  const server = new FakeServer(
    json({ version: 2, applied: 1 }),
    stream(["data: {}\n\nevent: end\ndata: {}\n\n"]),
    json({ status: "succeeded" }),
  );
  const bodies: string[] = [];
  const gate = nodeGate({ url: "https://vitrine.internal", path: "/vitrine", token: () => "t" });
  vi.stubGlobal("fetch", async (input: string, init: RequestInit) => {
    if (init.body) bodies.push(await new Response(init.body).text());
    return server.fetch(input, { ...init, body: null });
  });
  const listening = createServer((request, response) => void gate(request, response));
  running = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  const app = new Vitrine({ url: `http://127.0.0.1:${port}/vitrine`, fetch: real }).app("app_1");
  await app.draft.write({ "a.txt": "ä".repeat(100_000) });
  expect(JSON.parse(bodies[0] ?? "")).toEqual({
    ops: [{ op: "write", path: "a.txt", text: "ä".repeat(100_000) }],
  });
  await expect(app.publishes.open("pub_1").wait()).resolves.toEqual({ status: "succeeded" });
});

/** Opens a WebSocket by hand; answers what came back until the connection ended, and what Vitrine was asked. */
async function shakeHands(gate: ReturnType<typeof nodeGate>, path: string, origin: string): Promise<string> {
  const product = createServer((request, response) => void gate(request, response));
  running = product;
  product.on("upgrade", (request, socket, head) => gate.upgrade(request, socket, head) || socket.destroy());
  await new Promise<void>((resolve) => product.listen(0, "127.0.0.1", resolve));
  const { port } = product.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const socket = connect(port, "127.0.0.1");
  const headers = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Origin: ${origin === "own" ? `http://${host}` : origin}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Cookie: shop=1",
    "Sec-WebSocket-Key: a2V5",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: vitrine.v1",
  ];
  socket.write(`${headers.join("\r\n")}\r\n\r\nfrom the page`);
  let heard = "";
  for await (const chunk of socket) heard += chunk;
  return heard;
}

test("the channel passes both ways, with the person's token", async () => {
  const asked: (string | undefined)[] = [];
  const upstream = createServer();
  upstream.on("upgrade", (request, socket, head) => {
    const { authorization, cookie, origin } = request.headers;
    asked.push(request.url, authorization, cookie, origin, request.headers["sec-websocket-protocol"]);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello",
    );
    let heard = String(head);
    const answer = () => heard === "from the page" && socket.end(", and good-bye");
    socket.on("data", (chunk) => {
      heard += chunk;
      answer();
    });
    answer();
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  const gate = nodeGate({ url: `http://127.0.0.1:${port}`, path: "/vitrine", token: () => "token-of-ada" });
  const heard = await shakeHands(gate, "/vitrine/v1/apps/app_1/channel?after=7", "own");
  expect(heard).toMatch(/^HTTP\/1\.1 101 /);
  expect(heard).toMatch(/hello, and good-bye$/);
  expect(asked).toEqual([
    "/v1/apps/app_1/channel?after=7",
    "Bearer token-of-ada",
    undefined,
    undefined,
    "vitrine.v1",
  ]);
  upstream.close();
});

test("a channel is refused to whom calls are refused", async () => {
  const options = { url: "http://127.0.0.1:1", path: "/vitrine" };
  const channel = "/vitrine/v1/apps/app_1/channel";
  const ask = async (token: string | undefined, path: string, origin: string) => {
    const heard = await shakeHands(nodeGate({ ...options, token: () => token }), path, origin);
    running?.close();
    return heard.split(" ")[1];
  };
  expect(await ask(undefined, channel, "own")).toBe("401");
  expect(await ask("t", channel, "https://evil.example")).toBe("403");
  expect(await ask("t", "/vitrine/metrics", "own")).toBe("404");
  expect(await ask("t", channel, "own")).toBe("502");
  expect(await ask("t", "/elsewhere", "own")).toBeUndefined();
});
