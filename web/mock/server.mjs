// A stand-in for the server while working on the page: everything in memory, no checks. Port 4400 answers the API,
// 4401 shows a "preview". What `npm run build` has made is served too, so that it works without `npm run dev`. An app with `fail=layer` in its name cannot be installed.
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { broadcast, openChannel } from "./channel.mjs";
import {
  checkpoint,
  diff,
  listRevisions,
  newHistory,
  restore,
  revisionOf,
  search,
  step,
} from "./history.mjs";

const PORT = Number(process.env.PORT ?? 4400);
const PREVIEW = `http://localhost:${PORT + 1}`;
const sha = (text) => createHash("sha256").update(text).digest("hex");
const now = () => new Date().toISOString();

const LOOKS = [
  [
    "chat-classic",
    "Classic",
    "A calm chat with a sidebar and room to read.",
    ["chat", "react"],
    "#dfe7ee",
    "#2c4a63",
  ],
  [
    "chat-editorial",
    "Editorial",
    "Serif type and wide margins, like a good magazine.",
    ["chat", "react"],
    "#f1ece2",
    "#5b4a2f",
  ],
  ["chat-neon", "Neon", "Dark, bright edges, made for the night.", ["chat", "react"], "#15131f", "#c64bff"],
  ["chat-soft", "Soft", "Rounded, pastel and friendly.", ["chat", "react"], "#fbe9ec", "#c2607a"],
  [
    "chat-grid",
    "Grid",
    "Everything on a strict grid, nothing out of line.",
    ["chat", "react"],
    "#e9ecea",
    "#2f4a3a",
  ],
  [
    "baseline-landing",
    "Landing",
    "A landing page with hero, features and prices.",
    ["landing", "astro"],
    "#e6eef9",
    "#22508f",
  ],
];
const templates = LOOKS.map(([key, name, description, tags]) => ({
  key,
  name,
  description,
  tags,
  thumbnail_url: `/v1/templates/${key}/thumbnail`,
  profile: { kind: "vite" },
  entry_file: "src/App.tsx",
  template_hash: sha(key),
  prebuilt: true,
}));

const SEED = {
  "index.html":
    '<!doctype html>\n<html lang="en">\n  <body>\n    <div id="root"></div>\n    <script type="module" src="/src/main.tsx"></script>\n  </body>\n</html>\n',
  "package.json": '{\n  "name": "my-app",\n  "private": true,\n  "type": "module"\n}\n',
  "README.md": "# My app\n\nMade with **Vitrine**.\n",
  "src/App.tsx":
    'import { useState } from "react";\nimport { Card } from "./components/Card";\nimport "./app.css";\n\n/** The whole page. */\nexport function App() {\n  const [count, setCount] = useState(0);\n  return (\n    <main className="page">\n      <h1>Hello</h1>\n      <Card title="Clicks" onPress={() => setCount(count + 1)}>\n        {count > 0 ? `${count} so far` : "None yet"}\n      </Card>\n    </main>\n  );\n}\n',
  "src/app.css": ".page {\n  max-width: 60ch;\n  margin: 4rem auto;\n  color: #222;\n}\n",
  "src/main.tsx":
    'import { createRoot } from "react-dom/client";\nimport { App } from "./App";\n\ncreateRoot(document.getElementById("root")!).render(<App />);\n',
  "src/components/Card.tsx": "export function Card() {\n  return null;\n}\n",
  "src/components/Button.tsx": "export function Button() {\n  return null;\n}\n",
  "public/logo.svg":
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>\n',
};

const apps = new Map();
const blobs = new Map();
const signedIn = { value: process.env.SIGNED_OUT === undefined };

function makeApp(name, template) {
  const id = `app_${randomUUID().slice(0, 8)}`;
  const files = new Map(Object.entries(SEED).map(([path, text]) => [path, Buffer.from(text)]));
  const view = {
    id,
    name,
    slug: id,
    status: "draft",
    ...(template && { template }),
    profile: { kind: "vite" },
    created_at: now(),
  };
  const app = {
    view,
    files,
    version: 1,
    updated_at: now(),
    session: null,
    log: [],
    listeners: new Set(),
    clients: new Set(),
    seq: 0,
    history: newHistory(),
  };
  apps.set(id, app);
  return app;
}
const viewOf = (app) => ({ ...app.view, version: app.version, updated_at: app.updated_at });

const STEPS = [
  ["files", 12],
  ["toolchain", 3],
  ["layer", 1400, "Installing 214 packages"],
  ["sandbox", 28],
  ["dev_server", 420, "Waiting for the dev server to answer /"],
];
function start(app) {
  const id = app.session?.id ?? `ses_${randomUUID().slice(0, 8)}`;
  app.session = { id, startedAt: Date.now() };
  const say = (source, text, afterMs) => setTimeout(() => log(app, source, text), afterMs);
  say("vitrine", "Preparing a sandbox with the files of version 1", 10);
  say("install", "added 214 packages in 1s", 1400);
  say("stdout", "\u001b[32m\u001b[1mVITE\u001b[22m v8.3.8\u001b[39m  ready in 218 ms", 1700);
  say("stderr", "warning: a module has no side effects", 1800);
}
function log(app, source, text) {
  const line = { seq: app.log.length, at: now(), source, text };
  app.log.push(line);
  for (const listener of app.listeners) listener(line);
}
function sessionOf(app) {
  const { id, startedAt } = app.session;
  let left = Date.now() - startedAt;
  const fails = app.view.name.includes("fail=layer");
  let error;
  const steps = STEPS.map(([name, takes, detail]) => {
    if (left <= 0 || error) return { name, status: "pending" };
    const active = left < takes;
    const step = {
      name,
      status: active ? "active" : "done",
      duration_ms: Math.min(left, takes),
      ...(detail && { detail }),
    };
    left -= takes;
    if (!active && fails && name === "layer") {
      step.status = "failed";
      error = {
        type: "/docs/problems#install_failed",
        title: "The dependencies could not be installed",
        status: 422,
        code: "install_failed",
        detail:
          "npm error 404 Not Found: no-such-package@^1.0.0\nCorrect the name in package.json; the preview tries again by itself.",
        request_id: "req_7h2k",
      };
    }
    return step;
  });
  const running = steps.every((step) => step.status === "done");
  return {
    id,
    app_id: app.view.id,
    status: error ? "error" : running ? "running" : "starting",
    preview_url: `${PREVIEW}/?vitrine_token=${Date.now()}`,
    expires_at: now(),
    idle_timeout_secs: 1800,
    last_activity_at: now(),
    driver: "local",
    draft_version: app.version,
    restarts: 0,
    ...(error && { error }),
    timings: { steps, ...(running && { total_ms: STEPS.reduce((sum, [, takes]) => sum + takes, 0) }) },
  };
}

function problem(status, code, title, detail, more = {}) {
  return {
    status,
    body: { type: `/docs/problems#${code}`, title, status, code, detail, ...more },
    type: "application/problem+json",
  };
}
const notFound = () => problem(404, "not_found", "Not found", "There is nothing here.");

function contentOf({ sha256, base64, text }) {
  const bytes = sha256 ? blobs.get(sha256) : Buffer.from(base64 ?? text, base64 ? "base64" : "utf8");
  blobs.set(sha256 ?? sha(bytes), bytes);
  return bytes;
}

function change(app, { base_version, ops }, client_id) {
  if (base_version !== undefined && base_version !== app.version) {
    return problem(409, "draft_conflict", "The draft has changed since you read it", "Read it again.", {
      latest_version: app.version,
    });
  }
  for (const op of ops) {
    if (op.op === "write") app.files.set(op.path, contentOf(op));
    if (op.op === "delete") app.files.delete(op.path);
    if (op.op === "rename") {
      app.files.set(op.to, app.files.get(op.from));
      app.files.delete(op.from);
    }
  }
  app.version += 1;
  app.updated_at = now();
  const paths = ops.flatMap((op) => (op.op === "rename" ? [op.from, op.to] : [op.path]));
  broadcast(app, { type: "draft", version: app.version, paths, ...(client_id && { client_id }) });
  return { body: { version: app.version, applied: ops.length } };
}

const files = (app) => ({
  version: app.version,
  files: Object.fromEntries(
    [...app.files].map(([path, bytes]) => [path, { sha256: sha(bytes), size: bytes.length, mode: "100644" }]),
  ),
});

function templateRoute(key, part) {
  const look = LOOKS.find(([name]) => name === key);
  if (!look || part !== "thumbnail") return notFound();
  const [, , , , back, front] = look;
  const lines = [0, 1, 2, 3].map(
    (n) =>
      `<rect x="150" y="${60 + n * 34}" width="${200 - n * 38}" height="14" rx="7" fill="${front}" opacity="${0.9 - n * 0.2}"/>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 250"><rect width="400" height="250" fill="${back}"/><rect x="24" y="24" width="96" height="202" rx="10" fill="${front}" opacity=".16"/>${lines.join("")}</svg>`;
  return { raw: Buffer.from(svg), type: "image/svg+xml" };
}

async function appRoute(method, app, [what, ...rest], body, { headers, params }) {
  if (what === undefined) {
    if (method === "PATCH") Object.assign(app.view, JSON.parse(body));
    if (method === "DELETE") apps.delete(app.view.id);
    return method === "DELETE" ? { status: 204 } : { body: viewOf(app) };
  }
  if (what === "files" && rest.length === 0) return { body: files(app) };
  if (what === "files") {
    const revision = params.get("revision");
    const files = revision ? revisionOf(app, revision)?.files : app.files;
    const bytes = files?.get(rest.join("/"));
    return bytes
      ? { raw: bytes, type: "application/octet-stream" }
      : problem(404, "file_not_found", "There is no such file", rest.join("/"));
  }
  if (what === "changes") return change(app, JSON.parse(body), headers["x-vitrine-client"]);
  if (what === "revisions" || what === "undo" || what === "redo")
    return historyRoute(method, app, [what, ...rest], body, params);
  if (what === "search") {
    const result = search(app, params);
    return result.fault
      ? problem(422, "search_invalid", "The pattern cannot be read", result.fault)
      : { body: result };
  }
  if (what === "validate") return { body: validate(app) };
  if (what === "publishes" || what === "releases") return { body: { items: [] } };
  if (what === "blobs") {
    blobs.set(rest[0], body);
    return { status: 204 };
  }
  if (what !== "session") return notFound();
  if (rest[0] === "logs") return { stream: app };
  if (rest[0] === "events") return { stream: { log: [], listeners: new Set() } };
  if (rest[0] === "heartbeat") return { status: 204 };
  if (method === "PUT" ? !app.session || sessionOf(app).status === "error" : rest[0] === "restart")
    start(app);
  if (!app.session) return problem(404, "not_found", "Not found", "There is no session.");
  return { body: sessionOf(app) };
}

function historyRoute(method, app, [what, id, verb], body, params) {
  if (what !== "revisions") {
    const moved = step(app, what === "undo" ? -1 : 1);
    if (!moved)
      return problem(
        409,
        `nothing_to_${what}`,
        `There is nothing to ${what}`,
        "This is the end of the history.",
      );
    broadcast(app, { type: "draft", version: app.version, paths: null });
    return { body: moved };
  }
  if (id === undefined) {
    if (method === "GET") return { body: listRevisions(app) };
    return { status: 201, body: checkpoint(app, JSON.parse(body || "{}").label) };
  }
  if (!revisionOf(app, id)) return notFound();
  if (verb === "diff") return { body: diff(app, id, params.get("against") ?? "draft") };
  if (verb !== "restore") return notFound();
  const restored = restore(app, id);
  broadcast(app, { type: "draft", version: app.version, paths: null });
  return { body: restored };
}

/** Finds what says that it is wrong: a line with `FIXME`. */
function validate(app) {
  const faults = [];
  for (const [path, bytes] of app.files) {
    for (const [index, line] of bytes.toString().split("\n").entries()) {
      const column = line.indexOf("FIXME") + 1;
      if (column > 0)
        faults.push({ code: "fixme", message: "This is not finished", path, line: index + 1, column });
    }
  }
  return { faults, warnings: [] };
}

const MIB = 1024 * 1024;
const began = Date.now();
const ago = (secs) => new Date(began - secs * 1000).toISOString();
const GUESTS = [
  ["Night reading club", "running", 231, 0.62, 340, 2],
  ["Invoices, but nice", "running", 198, 0.08, 4_100, 41],
  ["Garden planner", "running", 176, 0.01, 900, 65],
  ["A very long name of an app that somebody chose because names are free", "starting", 96, 0.9, 0, 1],
  [undefined, "frozen", 54, 0, 9_000, 700],
  ["Trip to Lisbon", "frozen", 41, 0, 12_000, 1_300],
  [undefined, "frozen", 38, 0, 13_000, 1_500],
  ["Broken thing", "error", 0, 0, 0, 3_600],
];

/** A machine with some guests; the processor goes up and down. */
function machine() {
  const secs = (Date.now() - began) / 1000;
  const items = GUESTS.map(([app_name, status, mib, load, age, use], index) => ({
    app_id: `app_01k9zq4h8r5w2m7t3v6x1b0c${String(index).padStart(2, "0")}`,
    ...(app_name && { app_name }),
    tenant_id: app_name ? "ten_1" : "ten_01k9zq4h8r5w2m7t3v6x1b0c77",
    status,
    memory_bytes: mib && Math.round((mib + Math.sin(secs + index)) * MIB),
    swap_bytes: status === "frozen" ? 120 * MIB : 0,
    cpu_micros: Math.round(load * secs * 1e6),
    pids: mib > 0 ? 14 : 0,
    ...(age > 0 && { started_at: ago(age) }),
    last_use_at: status === "running" ? new Date(Date.now() - use * 1000).toISOString() : ago(use),
    restarts: 0,
  }));
  const used = items.reduce((sum, item) => sum + item.memory_bytes, 0);
  return {
    at: now(),
    cores: 4,
    cpu_micros: Math.round((0.28 * secs + 0.9 * Math.sin(secs / 7) + 0.35 * Math.sin(secs / 2)) * 4e6 + 1e9),
    memory: {
      total_bytes: 15_900 * MIB,
      available_bytes: 11_200 * MIB,
      reserved_bytes: 1_590 * MIB,
      sandboxes_bytes: used,
      sandboxes_swap_bytes: 360 * MIB,
      swap_total_bytes: 4_096 * MIB,
      swap_free_bytes: 3_310 * MIB,
    },
    sessions: { starting: 1, running: 3, frozen: 3, hibernated: 1_842, error: 1 },
    sandboxes: { starting: 1, running: 3, frozen: 3, error: 1 },
    pool: { warm: 2, memory_bytes: 356 * MIB },
    layers: { count: 14, in_use: 5, bytes: 2_310 * MIB, budget_bytes: 10_240 * MIB },
    since_start: {
      starts: 4_127,
      from_pool: 3_310,
      wakes: 2_204,
      freezes: 6_318,
      thaws: 4_471,
      hibernations: 1_844,
      evictions: 12,
      refusals: 0,
      losses: 3,
    },
    items,
  };
}

async function route(method, path, body, request) {
  const [, , resource, id, ...rest] = path.split("/").map(decodeURIComponent);
  if (resource === "sign-in" || resource === "sign-out") {
    signedIn.value = resource === "sign-in" && isKnown(JSON.parse(body));
    return signedIn.value || resource === "sign-out"
      ? { status: 204 }
      : problem(401, "unauthenticated", "Sign in first", "This is not the key in the file.");
  }
  if (!signedIn.value) return problem(401, "unauthenticated", "Sign in first", "Sign in to go on.");
  if (resource === "me")
    return {
      body: {
        tenant: { id: "ten_1", name: "Default" },
        user: { id: "usr_1", name: "Owner", has_password: true },
        role: "owner",
        actor: { kind: "browser" },
        runs_server: process.env.RUNS_SERVER !== "no",
        csrf_token: "mock",
      },
    };
  if (resource === "machine") return { body: machine() };
  if (resource === "templates") return id ? templateRoute(id, rest[0]) : { body: { items: templates } };
  if (resource === "apps" && id === undefined) {
    if (method === "GET") return { body: { items: [...apps.values()].reverse().map(viewOf) } };
    const isForm = request.headers["content-type"]?.startsWith("multipart/");
    const { name, template } = isForm ? { name: "Imported" } : JSON.parse(body);
    return { status: 201, body: viewOf(makeApp(name, template)) };
  }
  const app = apps.get(id);
  if (resource !== "apps" || !app) return notFound();
  const params = new URL(request.url, "http://mock").searchParams;
  return appRoute(method, app, rest, body, { headers: request.headers, params });
}

function stream(request, response, app) {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const send = (line) => response.write(`id: ${line.seq}\ndata: ${JSON.stringify(line)}\n\n`);
  const last = Number(request.headers["last-event-id"] ?? -1);
  app.log.filter((line) => line.seq > last).forEach(send);
  app.listeners.add(send);
  request.on("close", () => app.listeners.delete(send));
}

const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const DIST = new URL("../dist/", import.meta.url);

/** The page as it was built; every address without a file is the page itself. */
async function page(path) {
  const isFile = path.startsWith("/assets/") || path === "/favicon.svg";
  const raw = await readFile(new URL(isFile ? `.${path}` : "index.html", DIST)).catch(() => undefined);
  return raw ? { raw, type: isFile ? TYPES[extname(path)] : "text/html" } : notFound();
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const path = request.url.split("?")[0];
  const isPage = !path.startsWith("/v1/");
  const answer = isPage
    ? await page(path)
    : await route(request.method, path, Buffer.concat(chunks), request);
  if (answer.stream) return stream(request, response, answer.stream);
  const bytes = answer.raw ?? (answer.body ? JSON.stringify(answer.body) : "");
  response.writeHead(answer.status ?? 200, { "Content-Type": answer.type ?? "application/json" });
  response.end(bytes);
})
  .on("upgrade", (request, socket) => {
    const app = apps.get(request.url.split("?")[0].split("/")[3]);
    if (app && request.url.includes("/channel")) openChannel(app, request, socket);
    else socket.destroy();
  })
  .listen(PORT, () => console.log(`API at http://localhost:${PORT}, preview at ${PREVIEW}`));

createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/html" });
  response.end(
    `<!doctype html><meta name="viewport" content="width=device-width"><body style="font:18px system-ui;padding:48px;background:#fdfaf4;color:#3a2f1d"><h1>Hello from the preview</h1><p>${request.url.split("?")[0]}</p>`,
  );
}).listen(PORT + 1);

makeApp("Night reading club", "chat-editorial");
makeApp("Invoices, but nice", "baseline-landing");

/** Any key that looks like one, or any email with a password that is long enough. */
function isKnown({ key = "", password = "" }) {
  return key.startsWith("vt_") || password.length >= 12;
}
