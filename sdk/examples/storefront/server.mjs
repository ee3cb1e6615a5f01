// Corner Shop's own server: its page, its people, and the way to Vitrine for those who are signed in.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeGate } from "@vitrine/client/node";
import { mintToken } from "@vitrine/client/server";

const { VITRINE_URL = "http://localhost:4400", VITRINE_JWT_SECRET, PORT = "4500" } = process.env;
if (!VITRINE_JWT_SECRET)
  throw new Error("Set VITRINE_JWT_SECRET to the secret that Vitrine has as jwt.secret.");
const dist = join(fileURLToPath(import.meta.url), "../dist");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Who sent a request. Your product looks at its own session here; the example has one person. */
function personOf(_request) {
  return { id: "ada", name: "Ada", shop: "corner-shop" };
}

const gate = nodeGate({
  url: VITRINE_URL,
  path: "/vitrine",
  token: (request) => {
    const person = personOf(request);
    return mintToken(VITRINE_JWT_SECRET, {
      issuer: "https://corner-shop.example",
      audience: "vitrine",
      subject: person.id,
      name: person.name,
      tenant: person.shop,
    });
  },
  // What the page needs, and nothing about members, keys or the tenant.
  allow: (_method, path) => path.startsWith("/v1/apps") || path.startsWith("/v1/templates"),
});

async function page(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  const file = normalize(pathname === "/" ? "/index.html" : pathname);
  const body = await readFile(join(dist, file)).catch(() => undefined);
  response.writeHead(body ? 200 : 404, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
  });
  response.end(body);
}

const server = createServer((request, response) => {
  const answer = request.url.startsWith("/vitrine/") ? gate : page;
  answer(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
// The channel, for products that use it.
server.on("upgrade", (request, socket, head) => gate.upgrade(request, socket, head) || socket.destroy());
server.listen(Number(PORT), "127.0.0.1", () =>
  console.log(`ready: http://localhost:${server.address().port}/`),
);
