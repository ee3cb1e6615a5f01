// Every operation of the API can be reached by a method, and the generated types are those of openapi.json.
import { readFile } from "node:fs/promises";
import { describe, expect, test, vi } from "vitest";
import { listOperations, typesOf } from "../../scripts/openapi-types.mjs";
import type { FollowOptions } from "../src/events.js";
import { Vitrine } from "../src/index.js";
import { FakeServer, json, stream } from "./fake-server.js";

const file = (path: string) => readFile(new URL(path, import.meta.url), "utf8");
const openapi = JSON.parse(await file("../../../openapi.json"));

/** Reads the first event, which ends the connection. */
async function first(events: (options: FollowOptions) => AsyncGenerator<unknown>): Promise<void> {
  for await (const _ of events({})) break;
}

/** One call per operation, by its id. Ids are the placeholders of its path, so that the address is the template. */
const calls: Record<string, (client: Vitrine, server: FakeServer) => Promise<unknown>> = {
  healthz: (client) => client.operator.health(),
  readyz: (client) => client.operator.readiness(),
  get_metrics: (client) => client.operator.metrics(),
  get_machine: (client) => client.operator.machine(3),
  collect: (client) => client.operator.collect(),
  list_tenants: (client) => client.tenants.list(),
  create_tenant: (client) => client.tenants.create({ name: "Acme" }),
  update_tenant: (client) => client.tenants.update("{tenant}", { name: "Acme" }),
  get_tenant_quotas: (client) => client.tenants.quotas("{tenant}"),
  set_tenant_quotas: (client) => client.tenants.setQuotas("{tenant}", {}),
  me: (client) => client.me(),
  get_my_usage: (client) => client.usage(),
  set_password: (client) => client.account.setPassword({ new_password: "a long enough one" }),
  choose_tenant: (client) => client.account.chooseTenant("ten_1"),
  sign_in: (client) => client.account.signIn({ email: "ada@example.com", password: "a long enough one" }),
  sign_out: (client) => client.account.signOut(),
  sign_out_everywhere: (client) => client.account.signOutEverywhere(),
  list_members: (client) => client.members.list(),
  update_member: (client) => client.members.update("{user}", { role: "viewer" }),
  remove_member: (client) => client.members.remove("{user}"),
  list_invites: (client) => client.invites.list(),
  invite_member: (client) => client.invites.create({ name: "Ada", role: "editor" }),
  accept_invite: (client) => client.invites.accept({ code: "c", email: "e", password: "p" }),
  withdraw_invite: (client) => client.invites.withdraw("{invite}"),
  list_keys: (client) => client.keys.list(),
  create_key: (client) => client.keys.create({ name: "CI", role: "editor" }),
  revoke_key: (client) => client.keys.revoke("{api_key}"),
  list_audit: (client) => client.audit.list(),
  export_audit: (client) => client.audit.export(),
  verify_audit: (client) => client.audit.verify(),
  get_package_policy: (client) => client.packagePolicy.get(),
  set_package_policy: (client) => client.packagePolicy.set({ kind: "open" } as never),
  reset_package_policy: (client) => client.packagePolicy.reset(),
  list_templates: (client) => client.templates.list(),
  get_template: (client) => client.templates.get("{key}"),
  template_thumbnail: (client) => client.templates.thumbnail("{key}"),
  list_apps: (client) => client.apps.list(),
  create_app: (client) => client.apps.create({ name: "Shop", template: "chat-soft" }),
  get_app: (client) => client.app("{app}").get(),
  update_app: (client) => client.app("{app}").update({ name: "Shop" }),
  delete_app: (client) => client.app("{app}").delete(),
  validate_app: (client) => client.app("{app}").validate(),
  export_app: (client) => client.app("{app}").export(),
  get_usage: (client) => client.app("{app}").usage(7),
  get_egress: (client) => client.app("{app}").egress.get(),
  set_egress: (client) => client.app("{app}").egress.set({} as never),
  get_hosting: (client) => client.app("{app}").hosting.get(),
  set_hosting: (client) => client.app("{app}").hosting.set({} as never),
  list_files: (client) => client.app("{app}").draft.list(),
  read_file: (client) => client.app("{app}").draft.read("{path}"),
  apply_change_set: (client) => client.app("{app}").draft.write({ "a.txt": "a" }),
  search_files: (client) => client.app("{app}").draft.search("text"),
  undo_draft: (client) => client.app("{app}").draft.undo(),
  redo_draft: (client) => client.app("{app}").draft.redo(),
  diff_files: (client) => client.app("{app}").draft.diff({}),
  put_blob: (client) => client.app("{app}").draft.upload("{sha256}", new Uint8Array(1)),
  list_revisions: (client) => client.app("{app}").revisions.list(),
  create_revision: (client) => client.app("{app}").revisions.create("Before"),
  get_revision: (client) => client.app("{app}").revisions.get("{revision}"),
  diff_revision: (client) => client.app("{app}").revisions.diff("{revision}"),
  restore_revision: (client) => client.app("{app}").revisions.restore("{revision}"),
  get_session: (client) => client.app("{app}").session.get(),
  ensure_session: (client) => client.app("{app}").session.ensure(),
  stop_session: (client) => client.app("{app}").session.stop(),
  heartbeat_session: (client) => client.app("{app}").session.heartbeat(),
  restart_session: (client) => client.app("{app}").session.restart(),
  follow_session_logs: (client) => first((options) => client.app("{app}").session.logs(options)),
  follow_preview_events: (client) => first((options) => client.app("{app}").session.events(options)),
  exec_in_session: (client) => client.app("{app}").session.run(["true"]),
  open_channel: (client, server) => openedChannel(client, server),
  list_publishes: (client) => client.app("{app}").publishes.list(),
  publish_app: (client) => client.app("{app}").publishes.publish(),
  get_publish: (client) => client.app("{app}").publishes.open("{publish}").get(),
  cancel_publish: (client) => client.app("{app}").publishes.open("{publish}").cancel(),
  retry_publish: (client) => client.app("{app}").publishes.open("{publish}").retry(),
  follow_publish: (client) =>
    first((options) => client.app("{app}").publishes.open("{publish}").follow(options)),
  list_releases: (client) => client.app("{app}").releases.list(),
  promote_artifact: (client) => client.app("{app}").releases.promote("art_1"),
  unpublish_app: (client) => client.app("{app}").releases.unpublish(),
  get_artifact: (client) => client.app("{app}").artifact("{artifact}").get(),
  get_manifest: (client) => client.app("{app}").artifact("{artifact}").manifest(),
  get_provenance: (client) => client.app("{app}").artifact("{artifact}").provenance(),
  get_sbom: (client) => client.app("{app}").artifact("{artifact}").sbom(),
  list_preview_links: (client) => client.app("{app}").previewLinks.list(),
  create_preview_link: (client) => client.app("{app}").previewLinks.create(),
  delete_preview_link: (client) => client.app("{app}").previewLinks.delete("{link}"),
  list_secrets: (client) => client.app("{app}").environment("{environment}").secrets.list(),
  put_secret: (client) => client.app("{app}").environment("{environment}").secrets.put("{name}", "value"),
  delete_secret: (client) => client.app("{app}").environment("{environment}").secrets.delete("{name}"),
  list_variables: (client) => client.app("{app}").environment("{environment}").variables.list(),
  put_variable: (client) => client.app("{app}").environment("{environment}").variables.put("{name}", "value"),
  delete_variable: (client) => client.app("{app}").environment("{environment}").variables.delete("{name}"),
};

test("the generated types are those of openapi.json: `npm run generate`", async () => {
  expect(await file("../src/generated.ts")).toBe(typesOf(openapi));
});

test("the codes are those of the documentation", async () => {
  const documented = [...(await file("../../../docs/problems.md")).matchAll(/<a id="(\w+)">/g)].map(
    ([, code]) => code,
  );
  const typed = /export type Code = (.*);/.exec(typesOf(openapi))?.[1] ?? "";
  const codes = [...typed.matchAll(/"(\w+)"/g)].map(([, code]) => code);
  expect(documented.filter((code) => !codes.includes(code))).toEqual([]);
});

/** Opens a channel by a WebSocket that notes where it goes. */
async function openedChannel(client: Vitrine, server: FakeServer): Promise<void> {
  class Noted {
    readyState = 0;
    onopen = null;
    onmessage = null;
    onclose = null;
    onerror = null;
    constructor(url: string) {
      server.asked.push({ method: "GET", url: new URL(url), headers: new Headers(), body: undefined });
    }
    send(): void {}
    close(): void {}
  }
  const channel = client.app("{app}").channel({ onMessage: () => undefined, WebSocket: Noted });
  await vi.waitFor(() => expect(server.asked).toHaveLength(1));
  channel.close();
}

/** What a stream says first; each operation takes what it knows. */
const SAID = [
  'event: log\ndata: {"text":""}\n\n',
  'event: preview\ndata: {"id":"1","at":1,"kind":"not_blank"}\n\n',
  'event: exit\ndata: {"code":0}\n\n',
];

describe("every operation has a method", () => {
  for (const { id, key } of listOperations(openapi)) {
    test(`${id}: ${key}`, async () => {
      const call = calls[id];
      if (!call) throw new Error(`no method of the client calls ${id}: add it, and a line to this test`);
      const isStream = id.startsWith("follow_") || id === "exec_in_session";
      const server = new FakeServer(isStream ? stream(SAID) : json({ items: [] }));
      await call(
        new Vitrine({ url: "https://vitrine.example.com", fetch: server.fetch, auth: { key: "vt_test" } }),
        server,
      );
      const [asked] = server.asked;
      expect(`${asked?.method} ${decodeURIComponent(asked?.url.pathname ?? "")}`).toBe(key);
    });
  }
});
