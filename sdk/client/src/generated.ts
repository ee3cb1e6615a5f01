// Made from openapi.json by `npm run generate`; changed there, never here.

/** Who accepts an invitation. */
export interface Acceptance {
  /** The invitation's code. */
  code: string;
  /** The email of an account, or of one that is to be made. */
  email: string;
  /** The name of a new account; absent means the email. */
  name?: string | null;
  /** The account's password; for a new one at least 12 characters. */
  password: string;
}

/** Who makes a call: a person, or something that acts for one. */
export interface Actor {
  /** The key, where one was used. */
  key_id?: KeyId | null;
  /** What vouches for them. */
  kind: ActorKind;
  /** The person. */
  user_id: UserId;
}

/** What vouches for an actor. */
export type ActorKind = "browser" | "key" | "admin_key" | "host";

/** An API key without its secret. */
export interface ApiKey {
  /** The apps it is for; absent means all of the tenant's. */
  apps?: AppId[] | null;
  /** When it was made. */
  created_at: Timestamp;
  /** Until when it works; absent means until it is revoked. */
  expires_at?: Timestamp | null;
  /** The key. */
  id: KeyId;
  /** When it was last used, a minute behind at most. */
  last_used_at?: Timestamp | null;
  /** Its name, for people. */
  name: string;
  /** How the key begins, to recognise it by. */
  prefix: string;
  /** Since when it works no more. */
  revoked_at?: Timestamp | null;
  /** What it may do at most; never more than the member it acts for may. */
  role: Role;
  /** The member it acts for. */
  user_id: UserId;
}

/** One project. */
export interface App {
  /** When it was made. */
  created_at: Timestamp;
  /** The app. */
  id: AppId;
  /** Its name, for people. */
  name: string;
  /** How it runs: detected, unless its owner set it. */
  profile: Profile;
  /** Its name in host names; unique on this server. */
  slug: string;
  /** What strangers see. */
  status: AppStatus;
  /** The template it was made from. */
  template?: string | null;
  /** When the app or its draft last changed. */
  updated_at: Timestamp;
  /** The version of its draft. */
  version: number;
}

/** What to change; absent fields stay. */
export interface AppChange {
  /** A new name. */
  name?: string | null;
  /** How the app runs; `null` goes back to detection. */
  profile?: Profile | null;
  /** A new slug. */
  slug?: string | null;
}

export type AppId = string;

/** What strangers see of an app. */
export type AppStatus = "draft" | "published";

/** An app, and where strangers find it. */
export type AppView = App & ({
  /** The same, while it is published. */
  published_url?: string | null;
  /** What strangers see; not in lists. */
  release?: Release | null;
  /** How the caller's own preview of it is; in lists alone, and absent while there is none. */
  session_status?: SessionStatus | null;
  /** Where the app is served, or would be once it is published. */
  site_url: string;
});

/** An artifact as the API shows it. */
export interface Artifact {
  /** The app it was built for. */
  app_id: AppId;
  /** How long the build command ran. */
  build_millis: number;
  /** When it was made. */
  created_at: Timestamp;
  /** How many files it has. */
  file_count: number;
  /** The artifact. */
  id: ArtifactId;
  /** The hash of `inputs`. */
  input_sha256: Sha256;
  /** What it was made of and with. */
  inputs: BuildInputs;
  /** The hash its id is made of. */
  manifest_sha256: Sha256;
  /** The publish that built it. */
  publish_id: PublishId;
  /** The revision it was first built from. */
  revision_id: RevisionId;
  /** The size of its files in bytes, uncompressed. */
  size_bytes: number;
}

/** One file of an artifact. */
export interface ArtifactFile {
  /** What it is served as. */
  content_type: string;
  /** For a page: whether it has an empty [`RUNTIME_CONFIG_SLOT`] to be filled when it is served. */
  has_config_slot?: boolean;
  /** For a page: the `sha256-…` sources of its inline scripts, which the strict policy lets run. Derived from the content. */
  script_hashes?: string[];
  /** The hash of the content: where it is stored. */
  sha256: Sha256;
  /** The size of the content in bytes. */
  size: number;
  /** Its compressed forms; only those that are worth it. Not part of the artifact's identity. */
  variants?: Record<string, Variant>;
}

export type ArtifactId = string;

/** One entry of a tenant's audit log. */
export type AuditEntry = AuditFacts & {
  /** Covers this entry and, by the hash before it, all earlier ones. */
  hash: string;
  /** Its place: 1, 2, 3, … without a gap. */
  seq: number;
};

/** What an entry says. */
export interface AuditFacts {
  /** Who did it. */
  actor: Actor;
  /** The app it was about. */
  app?: AppId | null;
  /** When the operation ended. */
  at: Timestamp;
  /** The address it came from. */
  from?: string | null;
  /** What else is worth knowing, such as a role that was given. */
  note?: string | null;
  /** The operation, as the API's description names it. */
  operation: string;
  /** The request, for finding it in the server's log. */
  request_id: string;
  /** The HTTP status it was answered with. */
  status: number;
  /** What it was done to: the path, or the address of what was made. */
  target: string;
}

/** Where a tenant's chain is found to be broken, or that it is whole. */
export interface AuditVerdict {
  /** The first place that is not as it was written. */
  broken_at?: number | null;
  /** How many entries there are. */
  entries: number;
  /** The hash of the last entry that was written: kept somewhere else, it shows later whether the log was written anew. */
  head: string;
  /** True when every entry is as it was written, none is missing and the last one is the last that was written. */
  intact: boolean;
}

/** What an artifact was made of and with; equal inputs (see [`BuildInputs::hash`]) are built once. */
export interface BuildInputs {
  /** The build command. */
  command: string[];
  /** Secrets and variables given to the build by name, with hashes of their values; those of secrets are made with a key. */
  environment?: Record<string, Sha256>;
  /** The layer its dependencies came from. */
  layer?: Sha256 | null;
  /** How it was built. */
  mode: BuildMode;
  /** The exact version of Node.js; absent when none ran. */
  node?: string | null;
  /** Where it leaves its output; empty for a static site served as it is. */
  output: string;
  /** The package manager and its exact version, as `npm@11.6.2`. */
  package_manager?: string | null;
  /** The operating system and processor it ran on, as `linux-x64`. */
  platform: string;
  /** The version of Vitrine's build procedure: raised when the same inputs may give another artifact. */
  procedure: number;
  /** The kind of project. */
  profile: ProfileKind;
  /** Stands for the secrets that the output was searched for, made with a key; absent without secrets. */
  searched_for?: Sha256 | null;
  /** The hash of the file tree. */
  tree: Sha256;
}

/** How a project is built. */
export type BuildMode = "development" | "production";

/** Packages by name, each with a range of versions in npm's notation. */
export type Catalogue = Record<string, string>;

/** One atomic group of file operations. */
export interface ChangeSetBody {
  /** The draft version the client last saw; absent applies to whatever there is. */
  base_version?: number | null;
  /** Applied in order; all or none. */
  ops: Op[];
}

/** What a change set did. */
export interface ChangeSetResult {
  /** How many files changed; 0 when everything was like this already. */
  applied: number;
  /** The app's sandbox, when it has one. */
  session?: DeliveryView | null;
  /** The draft's version now. */
  version: number;
}

/** The tenant to look at. */
export interface ChosenTenant {
  /** One of the caller's tenants. */
  tenant: TenantId;
}

/** Every stable error code, with its HTTP status and title. */
export type Code = "invalid_request" | "invalid_json" | "invalid_path" | "path_collision" | "invalid_change" | "invalid_archive" | "hash_mismatch" | "weak_password" | "invalid_secret" | "invalid_destination" | "invalid_slug" | "unauthenticated" | "forbidden" | "exec_refused" | "tenant_suspended" | "not_found" | "unknown_template" | "file_not_found" | "method_not_allowed" | "draft_conflict" | "edit_conflict" | "file_exists" | "slug_taken" | "email_taken" | "tenant_exists" | "last_owner" | "idempotency_conflict" | "session_not_running" | "nothing_to_undo" | "nothing_to_redo" | "quota_exceeded" | "publish_over" | "superseded" | "body_too_large" | "limit_exceeded" | "archive_too_large" | "unsupported_media_type" | "misdirected_request" | "search_invalid" | "invalid_package_json" | "invalid_profile" | "unsupported_node" | "install_failed" | "dev_server_exited" | "dev_server_silent" | "dev_server_failed" | "sandbox_limit" | "validation_failed" | "dependency_refused" | "build_failed" | "build_incomplete" | "build_output_refused" | "secret_in_artifact" | "publish_timed_out" | "not_reproducible" | "publish_abandoned" | "upgrade_required" | "too_many_requests" | "rate_limited" | "internal" | "bad_gateway" | "backend_unavailable" | "sandbox_unavailable" | "toolchain_unavailable" | "secrets_unavailable" | "storage_unavailable" | "host_keys_unavailable" | "app_paused" | "backend_not_configured" | "session_starting" | "shutting_down" | "gateway_timeout";

/** What to do. */
export interface CollectBody {
  /** True to be told what would go, and keep it. */
  dry_run?: boolean;
}

/** What a collection did, or would do. */
export interface CollectionReport {
  /** Content of drafts. */
  blobs: Share;
  /** True when nothing was removed. */
  dry_run: boolean;
  /**
   * False when there is more to look at: call again. A dry run tells everything with its last call, a collection with each
   * call what that one removed.
   */
  is_done: boolean;
  /** Layers beyond their budget, with the last call. */
  layers: Share;
  /** Objects of artifacts, with the last call. */
  objects: Share;
  /** File trees of drafts and revisions; a dry run does not look for them. What only they name goes after them. */
  trees: Share;
}

/** A call of the console. */
export interface ConsoleCall {
  /** What was written, as text. */
  args: string[];
  /** How loud. */
  level: ConsoleLevel;
  /** Where from. */
  source?: SourcePosition | null;
}

/** How loud a console call is. */
export type ConsoleLevel = "debug" | "log" | "info" | "warn" | "error";

/** What has happened to sandboxes since the server started. */
export interface CountsView {
  /** Of those, how many went to make room. */
  evictions: number;
  /** Sandboxes that were frozen. */
  freezes: number;
  /** Of those, how many ran already when they were asked for. */
  from_pool: number;
  /** Sandboxes that were taken down because nobody used them. */
  hibernations: number;
  /** Sandboxes and dev servers that ended unasked. */
  losses: number;
  /** Starts that were refused for want of room. */
  refusals: number;
  /** Dev servers that came to answer. */
  starts: number;
  /** Sandboxes that went on. */
  thaws: number;
  /** Of the starts, how many were of hibernated sessions that somebody came back to. */
  wakes: number;
}

/** The new app. */
export type CreatedApp = AppView & ({
  /** The session, when one was asked for. */
  session?: SessionView | null;
  /** Entries of the archive that do not belong into a project and were left out. */
  skipped?: string[];
});

/** A link that was just made. */
export type CreatedPreviewLink = PreviewLink & {
  /** What to send to visitors. Shown this once: it is not stored. */
  url: string;
};

/** A change set on its way to the sandbox. */
export interface DeliveryView {
  /** True when it holds the change already; otherwise it will in a moment, or with its next start. */
  delivered: boolean;
  /** What the sandbox is doing. */
  status: SessionStatus;
}

/** What the dev server says is wrong. */
export interface DevServerError {
  /** From 1. */
  column?: number | null;
  /** In which file. */
  file?: string | null;
  /** The lines around it. */
  frame?: string | null;
  /** From 1. */
  line?: number | null;
  /** Its words. */
  message: string;
  /** The plugin that says so. */
  plugin?: string | null;
}

/** What a client holds, to be compared with the draft. */
export interface DiffRequest {
  /** The client's files by path. */
  files: Record<string, string>;
}

/** How a client's files differ from the draft. */
export interface DiffResponse {
  /** Paths that are new at the client or differ there. */
  changed: ProjectPath[];
  /** Paths only the draft has. */
  extra: ProjectPath[];
  /** Content the server does not have: upload these before writing them by hash. */
  missing: Sha256[];
  /** The draft version compared with. */
  version: number;
}

/** One side of a comparison. */
export interface DiffSide {
  /** The revision; absent for the draft. */
  revision?: RevisionId | null;
  /** The version of the draft; absent for a revision. */
  version?: number | null;
}

/** What passed in a day. */
export interface EgressDay {
  /** Connections let through. */
  allowed: number;
  /** Bytes to the sandbox. */
  bytes_in: number;
  /** Bytes from the sandbox. */
  bytes_out: number;
  /** Connections that failed otherwise, or were cut. */
  failed: number;
  /** Connections refused: another server, an address that is not public, a greeting for somebody else. */
  refused: number;
}

export type EgressDestination = string;

/** What the dev sandbox may reach, and what it did. */
export interface EgressView {
  /** The list of the app. */
  destinations: EgressDestination[];
  /** `listed`: what is listed can be reached; `off`: the operator lets nothing through. */
  mode: string;
  /** Since midnight in UTC, or since the server was started. */
  today: EgressDay;
}

/** Which life of an app a value is for. */
export type Environment = "development" | "preview" | "production";

/** A command to run. */
export interface ExecBody {
  /** The program and its arguments. No shell reads them; for one, run `["sh", "-c", "…"]`. */
  argv: string[];
  /** Of its output, the first so many bytes are passed on; 262,144 when absent, at most 4,194,304. */
  max_output_bytes?: number | null;
  /** The command is killed after this; 60 when absent, at most 600. */
  timeout_secs?: number | null;
}

/** The data of an event `output`. */
export interface ExecOutput {
  /** Which stream. */
  stream: OutputStream;
  /** A piece of it, which may end in the middle of a line. Values of the app's secrets are hidden. */
  text: string;
}

/** A request without an answer, or with a status of 400 and above. */
export interface FailedRequest {
  /** How long it took. */
  duration_ms: number;
  /** Why there is no answer, as far as a page may know. */
  failure?: string | null;
  /** `GET`, `POST`… */
  method: string;
  /** The answer's status; none without an answer. */
  status?: number | null;
  /** Where to; without the origin when it is the preview's own. */
  url: string;
}

/** Which unknown addresses are answered with the app's page. Only ever navigations: a missing asset is a 404. */
export type Fallback = "auto" | "page" | "not_found";

/** What happened to a file. */
export type FileChange = "added" | "deleted" | "modified" | "renamed";

/** One file that differs. */
export interface FileDiff {
  /** What it is; absent when it was deleted. */
  after?: FileEntry | null;
  /** What it was; absent when it was added. */
  before?: FileEntry | null;
  /** Where it was, when it was renamed. */
  from_path?: ProjectPath | null;
  /**
   * True when both sides are text that can be shown line by line. False where nobody looked: a file is large, or very many
   * differ.
   */
  is_text: boolean;
  /** Where it is on the `to` side; for a deleted one, where it was. */
  path: ProjectPath;
  /** What happened to it. */
  status: FileChange;
}

/** One file of a tree. */
export interface FileEntry {
  /** Whether it is executable. */
  mode?: FileMode;
  /** The hash of the content. */
  sha256: Sha256;
  /** The size of the content in bytes. */
  size: number;
}

/** The files of a draft. */
export interface FileList {
  /** Every file by path. */
  files: Tree;
  /** The draft version. */
  version: number;
}

/** Whether a file may be executed; written as git writes it. */
export type FileMode = "100644" | "100755";

/** One thing found. */
export interface Finding {
  /** What kind of thing. */
  code: FindingCode;
  /** The column in characters, from 1. */
  column?: number | null;
  /** The line, from 1. */
  line?: number | null;
  /** A sentence for the maker of the project that says what to do. */
  message: string;
  /** The package it is about. */
  package?: string | null;
  /** The file it is in; absent when it is about the whole project. */
  path?: ProjectPath | null;
}

/** What kind of thing was found; each is explained in `docs/validation.md`. */
export type FindingCode = "package_json_missing" | "package_json_invalid" | "lockfile_missing" | "lockfile_unreadable" | "lockfile_outdated" | "index_html_missing" | "entry_missing" | "page_missing" | "base_not_served" | "config_unreadable" | "syntax_error" | "unresolved_import" | "case_mismatch" | "import_outside_project" | "undeclared_package" | "network_import" | "asset_missing" | "not_checked" | "not_from_registry" | "integrity_missing" | "not_in_catalogue" | "version_not_allowed" | "package_denied" | "package_not_allowed" | "package_too_new" | "package_age_unknown" | "install_script_skipped" | "more_findings";

/** What happened. */
export type Happening = Place & {
  kind: "ready";
} | Place & {
  kind: "navigation";
} | ConsoleCall & {
  kind: "console";
} | UncaughtError & {
  kind: "error";
} | FailedRequest & {
  kind: "network";
} | DevServerError & {
  kind: "overlay";
} | {
  kind: "overlay_gone";
} | {
  kind: "blank";
  /** Path, query and fragment. */
  route: string;
} | {
  kind: "not_blank";
} | Picked & {
  kind: "picked";
} | {
  kind: "picker";
  /** True when it was begun. */
  on: boolean;
} | {
  /** How many. */
  count: number;
  kind: "dropped";
};

/** The settings of one app. Those not given are Vitrine's defaults. */
export interface HostingSettings {
  /** The whole `Content-Security-Policy` in place of the strict default; the frame rules are added to it. */
  content_security_policy?: string | null;
  /** What unknown addresses are answered with. */
  fallback?: Fallback;
  /** Origins whose pages may frame the app; nobody may by default. */
  frame_ancestors?: string[];
  /** True to answer every visitor with a page that says the app is paused. */
  paused?: boolean;
  /** Members added to the runtime configuration, for example `{"support_email": "…"}`. Visible to every visitor. */
  runtime_config?: Record<string, unknown>;
}

/** An invitation that nobody has accepted yet. */
export interface Invite {
  /** When. */
  created_at: Timestamp;
  /** Until when it can be accepted. */
  expires_at: Timestamp;
  /** The invitation. */
  id: InviteId;
  /** Who made it. */
  invited_by: UserId;
  /** For whom, as whoever made it wrote it down; it binds nobody. */
  note: string;
  /** What whoever accepts it may do. */
  role: Role;
}

/** A new invitation. */
export interface InviteBody {
  /** For whom, in words that help to recognise it in the list. */
  name: string;
  /** What whoever accepts it may do, at most what the caller may. */
  role: Role;
}

export type InviteId = string;

/** An event that is kept. */
export type KeptPreviewEvent = PreviewEvent & {
  /** When it was received. */
  received_at: Timestamp;
  /** Grows by one per event of the session; the SSE id. */
  seq: number;
  /** True when the page was shown to a visitor by link. */
  visitor: boolean;
};

/** A new key. */
export interface KeyBody {
  /** The only apps it is for; absent means all of the tenant's, also later ones. */
  apps?: AppId[] | null;
  /** How long it works; absent means until it is revoked, or as long as the key that makes it. */
  expires_in_secs?: number | null;
  /** Its name, for people. */
  name: string;
  /** What it may do, at most what the caller may. */
  role: Role;
}

export type KeyId = string;

/** A label that a client gives: a number, or at most 64 characters. */
export type Label = number | string;

/** The layers of this machine, as they were some seconds ago. */
export interface LayersView {
  /** What they may take before those used longest ago are removed. */
  budget_bytes: number;
  /** What they take on the disk, with what is kept beside them. */
  bytes: number;
  /** How many there are. */
  count: number;
  /** Of those, how many are in use. */
  in_use: number;
}

/** How much there may be: a number, or `unlimited`. */
export type Limit = number | NamedLimit;

export type LinkId = string;

/** One line of a session's log. */
export interface LogLine {
  /** When it was received. */
  at: Timestamp;
  /** Grows by one per line; the SSE id. */
  seq: number;
  /** Where it comes from. */
  source: LogSource;
  /** The text: UTF-8, no NUL, bounded. */
  text: string;
}

/** Where a line of a session's log comes from. */
export type LogSource = "install" | "stdout" | "stderr" | "vitrine";

/** The machine and its sandboxes. */
export interface MachineView {
  /** When this was looked at. */
  at: Timestamp;
  /** Processor cores. */
  cores: number;
  /**
   * Processor time that everything on the machine has used since it was started, over all cores. What is used now is the
   * difference of two answers.
   */
  cpu_micros?: number | null;
  /** The sandboxes that hold the most memory first. */
  items: SandboxView[];
  /** Packages that apps share; absent when they cannot be weighed. */
  layers?: LayersView | null;
  /** Memory, as the kernel counts it. */
  memory: MemoryView;
  /** Dev servers that run ahead of their apps. */
  pool: PoolView;
  /** Sandboxes of apps by state; those of the pool are not among them. */
  sandboxes: SandboxCounts;
  /** Sessions by state; absent when the database does not tell. */
  sessions?: SessionCounts | null;
  /** What has happened since the server started. */
  since_start: CountsView;
}

/** An invitation with its code, which is shown this once. */
export type MadeInvite = Invite & {
  /** Hand this to the person: whoever has it can accept the invitation, once. */
  code: string;
  /** The builder page with the code; the part behind `#` is not sent to any server. */
  url: string;
};

/** A key with its secret, which is shown this once. */
export type MadeKey = ApiKey & {
  /** The key, `vt_…`. Only its hash is kept: who loses it makes another one. */
  secret: string;
};

/** A tenant with its first owner and the owner's first key, which is shown this once. */
export type MadeTenant = Tenant & {
  /** The owner's key. With it, invite people (`POST /v1/invites`) and make further keys. */
  key: MadeKey;
  /** The first owner; nobody can sign in as them, the key acts for them. */
  owner: UserId;
};

/** The files of an artifact by path, sorted. */
export interface Manifest {
  /** Every file. */
  files: Record<string, ArtifactFile>;
}

/** The caller. */
export interface Me {
  /** What vouches for the caller. */
  actor: Actor;
  /** The only apps a key is for; absent means all of the tenant's. */
  apps?: AppId[] | null;
  /** For browsers: send it as `X-CSRF-Token` with everything that changes something. */
  csrf_token?: string | null;
  /** What they may do there. */
  role: Role;
  /** The same as a list, for clients of the first version. */
  roles: Role[];
  /** Whether the caller runs the server, and may look at the machine (`GET /v1/machine`). */
  runs_server: boolean;
  /** The tenant everything the caller sees belongs to. */
  tenant: NamedTenantId;
  /** The tenants this credential can be used for, with the role in each. */
  tenants: TenantOfMine[];
  /** The person. */
  user: Person;
}

/** A person in a tenant. */
export interface Member {
  /** What they sign in with; absent for people whom the host product signs in, and until one is chosen. */
  email?: string | null;
  /** Since when. */
  joined_at: Timestamp;
  /** Their name. */
  name: string;
  /** What they may do here. */
  role: Role;
  /** The person; the same in every tenant they belong to. */
  user_id: UserId;
}

/** What a member may do. */
export interface MemberPatch {
  /** The new role, at most the caller's own. */
  role: Role;
}

/** Memory of the machine, in bytes; what cannot be told is absent. */
export interface MemoryView {
  /** Free, or free as soon as it is needed. */
  available_bytes?: number | null;
  /** Kept for everything but sandboxes. */
  reserved_bytes: number;
  /** What all sandboxes of apps have; those of the pool are not among them. */
  sandboxes_bytes: number;
  /** What they have in swap besides, before compression. */
  sandboxes_swap_bytes: number;
  /** Swap that is free. */
  swap_free_bytes?: number | null;
  /** Swap; frozen sandboxes are moved there. */
  swap_total_bytes?: number | null;
  /** All of it. */
  total_bytes?: number | null;
}

/** A limit that is no number. */
export type NamedLimit = "unlimited";

/** An id with a name for people. */
export interface NamedTenantId {
  id: string;
  /** The name. */
  name: string;
}

/** A new app from a template. To import files, send `multipart/form-data` with `name`, `slug` and `archive` (a zip). */
export interface NewAppBody {
  /** The name, for people. */
  name: string;
  /** Also starts a session, and answers with it. */
  session?: boolean;
  /** The name in host names; absent makes one from the name. */
  slug?: string | null;
  /** The key of the template. */
  template: string;
}

/** The form of an import, for its description. */
export interface NewAppForm {
  /** A zip archive of the project. */
  archive: Blob;
  /** The name, for people. */
  name: string;
  /** `true` also starts a session. */
  session?: string | null;
  /** The name in host names. */
  slug?: string | null;
}

/** What to sign in with from now on. */
export interface NewPassword {
  /** The password until now; not needed by a browser that was signed in with the server's link or admin key. */
  current_password?: string | null;
  /** A new email; absent keeps the one there is. */
  email?: string | null;
  /** The password from now on: at least 12 characters. */
  new_password: string;
}

/** A new link. */
export interface NewPreviewLink {
  /** How long it is open, in seconds; a week when absent. */
  expires_in_secs?: number | null;
  /** What to call it, for people. */
  label?: string | null;
  /** Visitors are asked for it; 8 to 128 characters. */
  password?: string | null;
  /** What it shows: `live`, the draft as it is edited, or a revision of which something was built. `live` when absent. */
  revision?: string | null;
}

/** What to publish, and how. */
export interface NewPublish {
  /** With the target `verify`: the artifact to build anew. */
  artifact?: ArtifactId | null;
  /** Whose secrets and variables the build is given; absent means `preview` for the target `preview`, else `production`. */
  environment?: Environment | null;
  /** How to build it. */
  mode?: BuildMode;
  /** The revision to build; absent means the draft as it is now. */
  revision?: RevisionId | null;
  /** What it is for. */
  target?: PublishTarget;
}

/** What to make current. */
export interface NewRelease {
  /** An artifact of the app; an older one is a rollback. */
  artifact: ArtifactId;
}

/** A new snapshot. */
export interface NewRevision {
  /** What to call it, in at most 200 characters. */
  label?: string | null;
}

/** One operation as a client sends it. */
export type Op = {
  /** The content as standard base 64. */
  base64?: string | null;
  /** The mode; absent keeps what the file has, a new file is not executable. */
  mode?: FileMode | null;
  op: "write";
  /** Where. */
  path: ProjectPath;
  /** The content by its hash. */
  sha256?: Sha256 | null;
  /** The content as text. */
  text?: string | null;
} | {
  /** Applied in order, each to the result of the one before. */
  edits: TextEdit[];
  op: "edit";
  /** Which file. */
  path: ProjectPath;
  /** The hash of the content the edits were made against. */
  sha256: Sha256;
} | {
  op: "delete";
  /** Which file. */
  path: ProjectPath;
} | {
  /** From where. */
  from: ProjectPath;
  op: "rename";
  /** To where. */
  to: ProjectPath;
};

/** One of the two streams of a command. */
export type OutputStream = "stdout" | "stderr";

/** The policy that holds for the caller's tenant. */
export interface PackagePolicy {
  /** The policy. */
  policy: Policy;
  /** `tenant` when it is its own, `server` when it is everybody's. */
  source: string;
}

/** One page of a list. */
export interface PageApiKey {
  /** The items of this page. */
  items: ({
    /** The apps it is for; absent means all of the tenant's. */
    apps?: AppId[] | null;
    /** When it was made. */
    created_at: Timestamp;
    /** Until when it works; absent means until it is revoked. */
    expires_at?: Timestamp | null;
    /** The key. */
    id: KeyId;
    /** When it was last used, a minute behind at most. */
    last_used_at?: Timestamp | null;
    /** Its name, for people. */
    name: string;
    /** How the key begins, to recognise it by. */
    prefix: string;
    /** Since when it works no more. */
    revoked_at?: Timestamp | null;
    /** What it may do at most; never more than the member it acts for may. */
    role: Role;
    /** The member it acts for. */
    user_id: UserId;
  })[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageAppView {
  /** The items of this page. */
  items: (App & ({
    /** The same, while it is published. */
    published_url?: string | null;
    /** What strangers see; not in lists. */
    release?: Release | null;
    /** How the caller's own preview of it is; in lists alone, and absent while there is none. */
    session_status?: SessionStatus | null;
    /** Where the app is served, or would be once it is published. */
    site_url: string;
  }))[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageAuditEntry {
  /** The items of this page. */
  items: (AuditFacts & {
    /** Covers this entry and, by the hash before it, all earlier ones. */
    hash: string;
    /** Its place: 1, 2, 3, … without a gap. */
    seq: number;
  })[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageInvite {
  /** The items of this page. */
  items: {
    /** When. */
    created_at: Timestamp;
    /** Until when it can be accepted. */
    expires_at: Timestamp;
    /** The invitation. */
    id: InviteId;
    /** Who made it. */
    invited_by: UserId;
    /** For whom, as whoever made it wrote it down; it binds nobody. */
    note: string;
    /** What whoever accepts it may do. */
    role: Role;
  }[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageMember {
  /** The items of this page. */
  items: ({
    /** What they sign in with; absent for people whom the host product signs in, and until one is chosen. */
    email?: string | null;
    /** Since when. */
    joined_at: Timestamp;
    /** Their name. */
    name: string;
    /** What they may do here. */
    role: Role;
    /** The person; the same in every tenant they belong to. */
    user_id: UserId;
  })[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PagePublishView {
  /** The items of this page. */
  items: (Publish & ({
    /** Where this publish's artifact is served for ever, once there is one. For a preview, opened with a token. */
    permalink_url?: string | null;
    /** Where the app's current release is served. */
    site_url: string;
  }))[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageReleaseView {
  /** The items of this page. */
  items: (Release & {
    /** The same files by CDN-style path. */
    cdn_url: string;
    /** Where this one is served for ever. */
    permalink_url: string;
    /** Where the app's current release is served. */
    url: string;
  })[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageRevision {
  /** The items of this page. */
  items: ({
    /** The app. */
    app_id: AppId;
    /** When it was taken. */
    created_at: Timestamp;
    /** The draft version it was taken at. */
    draft_version: number;
    /** How many files it has. */
    file_count: number;
    /** The revision. */
    id: RevisionId;
    /** What it is called. */
    label?: string | null;
    /** The size of all its content in bytes. */
    size_bytes: number;
    /** The hash of its tree. */
    tree: Sha256;
  })[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** One page of a list. */
export interface PageTenant {
  /** The items of this page. */
  items: ({
    /** When it was made. */
    created_at: Timestamp;
    /** What the host product calls it in its tokens. */
    host_id?: string | null;
    /** The tenant. */
    id: TenantId;
    /** Its name, for people. */
    name: string;
    /** Since when its credentials are refused. */
    suspended_at?: Timestamp | null;
  })[];
  /** Pass as `cursor` for the next page; absent on the last. */
  next_cursor?: string | null;
}

/** A person, as they see themselves. */
export interface Person {
  /** What they sign in with. */
  email?: string | null;
  /** Whether they have chosen a password. */
  has_password: boolean;
  /** The id. */
  id: UserId;
  /** The name. */
  name: string;
}

/** The element that a person chose. */
export interface Picked {
  /** From 1. */
  column?: number | null;
  /** The component that it belongs to. */
  component?: string | null;
  /** False when the line is the best match in the component's file. */
  exact?: boolean | null;
  /** The file it is written in; none when it comes from no file of the project. */
  file?: string | null;
  /** From 1. */
  line?: number | null;
  /** The element's name. */
  tag: string;
  /** The beginning of its text. */
  text: string;
}

/** Where a page is. */
export interface Place {
  /** Whether there is something to go back to; missing where a browser does not tell. */
  can_go_back?: boolean | null;
  /** Whether there is something to go forward to; missing where a browser does not tell. */
  can_go_forward?: boolean | null;
  /** Path, query and fragment. */
  route: string;
  /** The document's title. */
  title: string;
}

/** Which packages a tenant's projects may have. */
export type Policy = {
  /** Absent means the one that comes with this release. */
  catalogue?: Catalogue | null;
  mode: "strict";
} | {
  /** How long a version must have been public, in seconds. */
  min_age_secs?: number;
  mode: "open";
} | {
  /** Direct dependencies that are allowed; a `*` at the end stands for any rest. Empty means all. */
  allow?: string[];
  /** Packages that are refused anywhere in the lockfile, written like `allow`; wins over it. */
  deny?: string[];
  /** How long a version must have been public, in seconds. */
  min_age_secs?: number;
  mode: "custom";
  /** Packages that are known to work although their install script is not run: no warning is given for them. */
  scripts_not_needed?: string[];
};

/** The warm pool. */
export interface PoolView {
  /** Their memory, as it was when they were made. */
  memory_bytes: number;
  /** Sandboxes that can be claimed now. */
  warm: number;
}

/** Somebody who has the app open. */
export interface PresentPerson {
  /** Which of their pages: each connection has its own. */
  client_id: string;
  /** The file they look at. */
  file?: string | null;
  /** The line they are in, from 1. */
  line?: number | null;
  /** The name of the person, or of the key. */
  name: string;
}

/** One thing that has happened in a page of a preview. */
export type PreviewEvent = Happening & {
  /** Milliseconds since 1970, by the browser's clock. */
  at: number;
  /** Its name among the events of all pages; the same here as in what the page tells the one around it. */
  id: string;
};

/** A preview link, without its secret. */
export interface PreviewLink {
  /** When. */
  created_at: Timestamp;
  /** Who made it. */
  created_by: UserId;
  /** From when on it opens nothing. */
  expires_at: Timestamp;
  /** Whether visitors are asked for a password. */
  has_password: boolean;
  /** The link. */
  id: LinkId;
  /** What its maker calls it. */
  label?: string | null;
  /** When it was opened last. */
  last_visit_at?: Timestamp | null;
  /** The revision it shows, as it was built; absent for the live draft. */
  revision?: RevisionId | null;
  /** How often it was opened. */
  visits: number;
}

/** The app's links. */
export interface PreviewLinks {
  /** The last made first; expired ones too, for a month. */
  items: PreviewLink[];
}

/** A problem document. */
export interface Problem {
  /** The stable code. */
  code: Code;
  /** What happened this time and what to do about it. */
  detail: string;
  /** The faults one by one, where there are several. */
  errors?: ProblemItem[];
  /** On a draft conflict: the version the draft is at now. */
  latest_version?: number | null;
  /** The request, for finding it in the log. */
  request_id?: string | null;
  /** The HTTP status. */
  status: number;
  /** A few words, the same for every occurrence. */
  title: string;
  /** A URI reference for the kind of problem. */
  type: string;
}

/** One fault inside a request, where there can be several. */
export interface ProblemItem {
  /** The code of this fault. */
  code: Code;
  /** The line in it, from 1. */
  line?: number | null;
  /** A sentence for people. */
  message: string;
  /** The file or field concerned. */
  path?: string | null;
}

/** How to run one app: detected from its files, or set by its owner. */
export interface Profile {
  /** The build command. */
  build?: string[] | null;
  /** The dev command; required for `custom`. It finds its port in `PORT` and its address in `HOST`. */
  dev?: string[] | null;
  /** The kind, which decides everything not given below. */
  kind: ProfileKind;
  /** The major version of Node.js, for example `24`; absent means chosen by `engines`. */
  node?: string | null;
  /** Where the build leaves its output, for example `dist`. */
  output?: string | null;
}

/** The kinds of project Vitrine knows. */
export type ProfileKind = "vite" | "astro" | "static" | "custom";

export type ProjectPath = string;

/** A publish as the API shows it. */
export interface Publish {
  /** The app. */
  app_id: AppId;
  /** What was made. */
  artifact?: ArtifactId | null;
  /** Which attempt this is, from 1; 0 before the first. */
  attempt: number;
  /** Counts the app's publishes; a later one wins over an earlier one. */
  build_seq: number;
  /** When it was asked for. */
  created_at: Timestamp;
  /** Whose secrets and variables the build is given. */
  environment?: Environment;
  /** Why it failed, or what took its place. */
  error?: Problem | null;
  /** When it ended. */
  finished_at?: Timestamp | null;
  /** The publish. */
  id: PublishId;
  /** How it is built. */
  mode: BuildMode;
  /** The release it led to. */
  release?: ReleaseId | null;
  /** True when an earlier artifact with the same inputs was used instead of building. */
  reused: boolean;
  /** The revision that is built. */
  revision_id: RevisionId;
  /** When a worker first took it. */
  started_at?: Timestamp | null;
  /** Where it is in its life. */
  status: PublishStatus;
  /** The steps, in order. */
  steps: PublishStep[];
  /** What it is for. */
  target: PublishTarget;
}

export type PublishId = string;

/** One line of a publish's log. */
export interface PublishLogLine {
  /** When it was printed. */
  at: Timestamp;
  /** True for the error stream. */
  is_stderr: boolean;
  /** Its number, from 1; resume after it. */
  seq: number;
  /** The step that printed it. */
  step: PublishStepName;
  /** The line: UTF-8 without control characters but tab, without its end. */
  text: string;
}

/** Where a publish is in its life. */
export type PublishStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "superseded";

/** One step with its times. */
export interface PublishStep {
  /** What it waits for or what it found, for people. */
  detail?: string | null;
  /** When it ended. */
  finished_at?: Timestamp | null;
  /** Which step. */
  name: PublishStepName;
  /** When it began. */
  started_at?: Timestamp | null;
  /** How it is doing. */
  status: PublishStepStatus;
}

/** The steps of a publish, in order. */
export type PublishStepName = "check" | "toolchain" | "layer" | "build" | "pack" | "upload" | "verify" | "switch";

/** How a step is doing. */
export type PublishStepStatus = "pending" | "active" | "done" | "skipped" | "failed";

/** What a finished build is for. */
export type PublishTarget = "hosting" | "preview" | "verify";

/** A publish, and where its result is. */
export type PublishView = Publish & ({
  /** Where this publish's artifact is served for ever, once there is one. For a preview, opened with a token. */
  permalink_url?: string | null;
  /** Where the app's current release is served. */
  site_url: string;
});

/** What to keep. */
export interface PutSecret {
  /** Who is given it: `dev` (in the environment `development`), `build`, both. Absent: nobody. */
  targets?: SecretTarget[];
  /** The value. */
  value: SecretValue;
}

/** What there is a limit on, for each tenant. */
export type Quota = "apps" | "sessions" | "builds" | "storage_bytes" | "egress_bytes";

/** How much of a quota is used. */
export interface QuotaUse {
  /** The most there may be; absent without a limit. */
  limit?: number | null;
  /** Which. */
  quota: Quota;
  /** What there is now. */
  used: number;
}

/** An artifact made current for an app, now or once. */
export interface Release {
  /** The app. */
  app_id: AppId;
  /** What is served. */
  artifact: ArtifactId;
  /** How it came to be. */
  cause: ReleaseCause;
  /** When it was made current. */
  created_at: Timestamp;
  /** True for the one that is served now. */
  current: boolean;
  /** The release. */
  id: ReleaseId;
  /** Counts the app's releases, from 1. */
  number: number;
  /** The publish, when one led to it. */
  publish_id?: PublishId | null;
  /** The revision the artifact was built from. */
  revision_id: RevisionId;
}

/** How a release came to be. */
export type ReleaseCause = "publish" | "promotion";

export type ReleaseId = string;

/** A release, and where it is. */
export type ReleaseView = Release & {
  /** The same files by CDN-style path. */
  cdn_url: string;
  /** Where this one is served for ever. */
  permalink_url: string;
  /** Where the app's current release is served. */
  url: string;
};

/** What a project's validation says. */
export interface Report {
  /** What a build breaks on, or is refused for. */
  faults: Finding[];
  /** What is worth knowing and stops nothing. */
  warnings: Finding[];
}

/** A draft after going back to a revision. */
export interface Restored {
  /** How many files changed. */
  applied: number;
  /** The draft's version now; history only grows. */
  version: number;
}

/** A named, immutable snapshot of a draft. */
export interface Revision {
  /** The app. */
  app_id: AppId;
  /** When it was taken. */
  created_at: Timestamp;
  /** The draft version it was taken at. */
  draft_version: number;
  /** How many files it has. */
  file_count: number;
  /** The revision. */
  id: RevisionId;
  /** What it is called. */
  label?: string | null;
  /** The size of all its content in bytes. */
  size_bytes: number;
  /** The hash of its tree. */
  tree: Sha256;
}

/** How a revision differs from the draft or from another revision. */
export interface RevisionDiff {
  /** The files that differ, by the path they have on the `to` side, or had. */
  files: FileDiff[];
  /** The side that `before` is about. */
  from: DiffSide;
  /** The side that `after` is about. */
  to: DiffSide;
  /** True when more files differ than are listed. */
  truncated: boolean;
}

export type RevisionId = string;

/** What somebody may do in a tenant. Ordered: every role may do what the ones before it may. */
export type Role = "viewer" | "editor" | "admin" | "owner";

/** How many sandboxes are in which state. */
export interface SandboxCounts {
  /** Given up until somebody changes something. */
  error: number;
  /** Standing still. */
  frozen: number;
  /** Answering. */
  running: number;
  /** On their way. */
  starting: number;
}

/** One app's sandbox. */
export interface SandboxView {
  /** The app. */
  app_id: AppId;
  /** Its name, when it is an app of the caller's tenant. */
  app_name?: string | null;
  /** Processor time so far. */
  cpu_micros: number;
  /** The last request, edit or message. */
  last_use_at?: Timestamp | null;
  /** Its memory now. */
  memory_bytes: number;
  /** Processes and threads. */
  pids: number;
  /** How often it was brought back since it was ensured. */
  restarts: number;
  /** What its start took, in milliseconds. */
  start_ms?: number | null;
  /** Since when its dev server answers. */
  started_at?: Timestamp | null;
  /** What it is doing. */
  status: SessionStatus;
  /** What of it is in swap besides, before compression. */
  swap_bytes: number;
  /** Whose it is. */
  tenant_id: TenantId;
}

/** One match. It lies within one line. */
export interface SearchMatch {
  /** Where it begins in the line, from 1, in UTF-16 units. */
  column: number;
  /** How long it is, in UTF-16 units. */
  length: number;
  /** In which line, from 1. */
  line: number;
  /** In which file. */
  path: ProjectPath;
  /** The line, or 400 characters of it around the match. */
  text: string;
  /** Where `text` begins in the line, from 0, in UTF-16 units. */
  text_offset: number;
}

/** What was found, the first files first. */
export interface SearchResult {
  /** The matches, by path, then by place. */
  matches: SearchMatch[];
  /** How many files were searched. */
  searched_files: number;
  /** How many were not, because they are large or not text. */
  skipped_files: number;
  /** True when there is more than was looked for: more matches than asked for, or more text than one search reads. */
  truncated: boolean;
  /** The version of the draft that was searched. */
  version: number;
}

/** Secrets without their values. */
export interface SecretList {
  /** All of the environment, by name. */
  items: SecretView[];
}

/** Who is given a value. */
export type SecretTarget = "dev" | "build";

export type SecretValue = string;

/** A secret as the API shows it: everything but its value, which never comes back. */
export interface SecretView {
  /** Equal for equal values of this tenant, and worthless to anybody else: 16 hexadecimal digits, made with a key. */
  fingerprint: string;
  /** Its name. */
  name: string;
  /** Who is given it; nobody when empty. */
  targets: SecretTarget[];
  /** When it was set last. */
  updated_at: Timestamp;
  /** Grows by one each time it is set. */
  version: number;
}

/** What the server says. What has a `seq` is kept for a while, and comes again with `?after=`. */
export type ServerMessage = {
  /** The connection's name among those who are there. */
  client_id: string;
  /** Who is there. */
  presence: PresentPerson[];
  /** The number that what follows comes after. */
  seq: number;
  type: "hello";
  /** The draft's version. */
  version: number;
} | {
  /** The connection that it came from. */
  client_id?: string | null;
  /** The name of the person or key that it came from. */
  name?: string | null;
  /** What changed; `null` when it is too much to name. */
  paths?: string[] | null;
  /** Its number. */
  seq: number;
  type: "draft";
  /** The version. */
  version: number;
} | {
  /** Its number. */
  seq: number;
  /** As `GET …/session` answers it, without `preview_url`. */
  session: Record<string, unknown>;
  type: "session";
} | {
  /** As `GET …/publishes/{publish}` answers it. */
  publish: Record<string, unknown>;
  /** Its number. */
  seq: number;
  type: "publish";
} | {
  /** All of them. */
  people: PresentPerson[];
  type: "presence";
} | {
  /** The client's label for it. */
  id: Label;
  type: "ack";
  /** The draft's version with it. */
  version: number;
} | {
  /** The client's label; `null` when there was none to be read. */
  id?: Label | null;
  /** Why. */
  problem: Problem;
  type: "refused";
} | {
  /** The number that what follows comes after. */
  seq: number;
  type: "gap";
} | {
  type: "pong";
};

/** How many sessions are in which state; several sessions of one app share a sandbox. */
export interface SessionCounts {
  /** Given up until somebody changes something. */
  error: number;
  /** Standing still. */
  frozen: number;
  /** Without a sandbox until somebody comes back. */
  hibernated: number;
  /** Answering. */
  running: number;
  /** On their way. */
  starting: number;
}

export type SessionId = string;

/** Where a session is in its life. */
export type SessionStatus = "starting" | "running" | "frozen" | "hibernated" | "stopped" | "expired" | "error";

/** A session as the API shows it. */
export interface SessionView {
  /** The app whose draft it shows. */
  app_id: AppId;
  /** The draft version its files are at. */
  draft_version: number;
  /** What isolates it. */
  driver: string;
  /** Why it is not running, or what last went wrong. */
  error?: Problem | null;
  /** When it ends unless a heartbeat or use moves this. */
  expires_at: Timestamp;
  /** The session. */
  id: SessionId;
  /** Without use for this long its sandbox is taken down; the URL stays. */
  idle_timeout_secs: number;
  /** The last request, edit or console use; heartbeats do not count. */
  last_activity_at: Timestamp;
  /**
   * Where a browser sees it. Carries a short-lived token that the preview exchanges for a cookie; ask again for a
   * fresh one instead of keeping it.
   */
  preview_url: string;
  /** How often the dev server or the sandbox was brought back since the last ensure. */
  restarts: number;
  /** Where it is in its life. */
  status: SessionStatus;
  /** What the latest start took. */
  timings: Timings;
}

/** Where the dev sandbox may connect to. */
export interface SetEgress {
  /** Servers by name and port, as `api.example.com:443`; spoken to over TLS. At most 50. */
  destinations: string[];
}

export type Sha256 = string;

/** How much of something went, or would go. */
export interface Share {
  /** Their bytes, as they are stored. */
  bytes: number;
  /** Pieces. */
  count: number;
  /** Their bytes. */
  later_bytes: number;
  /** Pieces that nothing needs either and that are kept for the grace; told by a dry run. */
  later_count: number;
}

/** Either the admin key, or an email and a password. */
export interface SignIn {
  /** The email. */
  email?: string | null;
  /** The server's admin key, `vt_…`. */
  key?: string | null;
  /** The password. */
  password?: string | null;
}

/** Where something stands in the project, as written. */
export interface SourcePosition {
  /** From 1, in UTF-16 units. */
  column: number;
  /** The file's path in the project; as the page says, so it may be none. */
  file: string;
  /** From 1. */
  line: number;
}

/** One step with its measured time. */
export interface Step {
  /** What it is waiting for or what it found, for people. */
  detail?: string | null;
  /** How long it took, or has taken so far. */
  duration_ms?: number | null;
  /** Which step. */
  name: StepName;
  /** How it is doing. */
  status: StepStatus;
}

/** The steps from asking for a session to a page, in order. */
export type StepName = "files" | "toolchain" | "layer" | "sandbox" | "dev_server";

/** How a step is doing. */
export type StepStatus = "pending" | "active" | "done" | "failed";

/** Every template. */
export interface TemplateList {
  /** In the order they are shown. */
  items: TemplateView[];
}

/** A template as the API shows it. */
export interface TemplateView {
  /** One sentence, for people. */
  description: string;
  /** The file a person edits first. */
  entry_file: ProjectPath;
  /** The key. */
  key: string;
  /** The name, for people. */
  name: string;
  /** True when a built artifact of it is at hand. */
  prebuilt: boolean;
  /** How its apps run. */
  profile: Profile;
  /** Words to find it by. */
  tags: string[];
  /** The hash of its project's tree. */
  template_hash: Sha256;
  /** Where its picture is. */
  thumbnail_url: string;
}

/** An isolation boundary: nothing of one tenant is seen from another. */
export interface Tenant {
  /** When it was made. */
  created_at: Timestamp;
  /** What the host product calls it in its tokens. */
  host_id?: string | null;
  /** The tenant. */
  id: TenantId;
  /** Its name, for people. */
  name: string;
  /** Since when its credentials are refused. */
  suspended_at?: Timestamp | null;
}

/** A new tenant. */
export interface TenantBody {
  /** What the host product calls it in its tokens. */
  host_id?: string | null;
  /** Its name, for people. */
  name: string;
  /** The name of its first owner; absent means `Owner`. */
  owner?: string | null;
}

/** What to change of a tenant; absent fields stay. */
export interface TenantChange {
  /** A new name. */
  name?: string | null;
  /** True refuses every credential of the tenant, from the next request on; false takes that back. */
  suspended?: boolean | null;
}

export type TenantId = string;

/** Where a tenant's limits differ from the server's. What is absent is as the server's settings say. */
export interface TenantLimits {
  /** Apps. */
  apps?: Limit | null;
  /** Builds that run at once; more wait for their turn. */
  builds?: Limit | null;
  /** Bytes sent to visitors in a month. */
  egress_bytes?: Limit | null;
  /** Sessions that are not over. */
  sessions?: Limit | null;
  /** Bytes of content and artifacts. */
  storage_bytes?: Limit | null;
}

/** A tenant the caller belongs to. */
export interface TenantOfMine {
  /** The id. */
  id: TenantId;
  /** The name. */
  name: string;
  /** What the caller may do there. */
  role: Role;
}

/** What a tenant may have, and has. */
export interface TenantQuotas {
  /** Every quota with the limit that counts, the tenant's own or the server's, and its use. */
  items: QuotaUse[];
  /** Its own limits. */
  limits: TenantLimits;
}

/** Every quota of the tenant. */
export interface TenantUsage {
  /** Each with its limit, if it has one, and its use. */
  items: QuotaUse[];
}

/** One replacement inside a text file. */
export interface TextEdit {
  /** Text that stands in the file exactly once. */
  find: string;
  /** What to put in its place. */
  replace: string;
}

export type Timestamp = string;

/** The measured times of the latest start. */
export interface Timings {
  /** Every step in order. */
  steps: Step[];
  /** From asking to running. */
  total_ms?: number | null;
}

/** Files by path, sorted. A value of this type may break the limits; [`Tree::check`] tells. */
export type Tree = Record<string, FileEntry>;

/** An error that nobody caught. */
export interface UncaughtError {
  /** What it says. */
  message: string;
  /** Its kind, for example `TypeError`. */
  name: string;
  /** True when it was a promise's. */
  rejection: boolean;
  /** The first of the project's own places among the calls. */
  source?: SourcePosition | null;
  /** The calls that led to it, as the browser writes them. */
  stack?: string | null;
}

/** What visitors asked for in one day. */
export interface UsageDay {
  /** Bytes of their bodies. */
  bytes: number;
  /** The day in UTC, as `2026-11-21`. */
  day: string;
  /** Requests answered. */
  requests: number;
}

export type UserId = string;

/** Variables. */
export interface VariableList {
  /** All of the environment, by name. */
  items: VariableView[];
}

/** A variable: as a secret, but anybody who may read the app may read it. */
export interface VariableView {
  /** Its name. */
  name: string;
  /** Who is given it; nobody when empty. */
  targets: SecretTarget[];
  /** When it was set last. */
  updated_at: Timestamp;
  /** Its value. */
  value: string;
  /** Grows by one each time it is set. */
  version: number;
}

/** A compressed form of a file. */
export interface Variant {
  /** The hash of the compressed bytes: where they are stored. */
  sha256: Sha256;
  /** How many there are. */
  size: number;
}

/** A draft after undo or redo. */
export interface Walked {
  /** The revision whose files it holds. */
  revision: RevisionId;
  /** The draft's version now; history only grows. */
  version: number;
}

/** What each operation takes and answers, by method and path. */
export interface Operations {
  /** The process answers. */
  "GET /healthz": {
    id: "healthz";
    request: Record<never, never>;
    answer: string;
  };
  /**
   * How many sandboxes there are, how long starts took, what was refused: in the text format of Prometheus. Opened by
   * `server.metrics_key` or the admin key, as a bearer token; neither a cookie nor a tenant's key opens it.
   */
  "GET /metrics": {
    id: "get_metrics";
    request: Record<never, never>;
    answer: string;
  };
  /** The process can do its work: the database and the object store answer, and it is not stopping. */
  "GET /readyz": {
    id: "readyz";
    request: Record<never, never>;
    answer: string;
  };
  /** The caller's apps, last changed first. */
  "GET /v1/apps": {
    id: "list_apps";
    request: { query?: { limit?: number; cursor?: string } };
    answer: PageAppView;
  };
  /** Creates an app from a template or an archive; its draft starts at version 1. */
  "POST /v1/apps": {
    id: "create_app";
    request: { body: NewAppBody | FormData };
    answer: CreatedApp;
  };
  /** One app. */
  "GET /v1/apps/{app}": {
    id: "get_app";
    request: { path: { app: string } };
    answer: AppView;
  };
  /** Changes an app's name, slug or profile. A changed profile starts a running session anew. */
  "PATCH /v1/apps/{app}": {
    id: "update_app";
    request: { path: { app: string }; body: AppChange };
    answer: AppView;
  };
  /** Deletes an app with everything of it. A second call is 404. */
  "DELETE /v1/apps/{app}": {
    id: "delete_app";
    request: { path: { app: string } };
    answer: undefined;
  };
  /** One artifact of the app. */
  "GET /v1/apps/{app}/artifacts/{artifact}": {
    id: "get_artifact";
    request: { path: { app: string; artifact: string } };
    answer: Artifact;
  };
  /** Every file of an artifact, with its hash, size, type and compressed forms. */
  "GET /v1/apps/{app}/artifacts/{artifact}/manifest": {
    id: "get_manifest";
    request: { path: { app: string; artifact: string } };
    answer: Manifest;
  };
  /** How an artifact was made: an in-toto statement with SLSA provenance. */
  "GET /v1/apps/{app}/artifacts/{artifact}/provenance": {
    id: "get_provenance";
    request: { path: { app: string; artifact: string } };
    answer: unknown;
  };
  /** What is in an artifact: a CycloneDX bill of materials. */
  "GET /v1/apps/{app}/artifacts/{artifact}/sbom": {
    id: "get_sbom";
    request: { path: { app: string; artifact: string } };
    answer: unknown;
  };
  /** Uploads content under its hash, for a change set to name. Repeating it changes nothing. */
  "PUT /v1/apps/{app}/blobs/{sha256}": {
    id: "put_blob";
    request: { path: { app: string; sha256: string }; body: Blob | BufferSource };
    answer: undefined;
  };
  /** Applies a change set to the draft. It is durable when this answers; the preview may have it sooner. */
  "POST /v1/apps/{app}/changes": {
    id: "apply_change_set";
    request: { path: { app: string }; body: ChangeSetBody };
    answer: ChangeSetResult;
  };
  /**
   * Opens the app's channel: a WebSocket with the subprotocol `vitrine.v1` and JSON messages, whose forms are in the description of
   * this answer and in docs/channel.md. Programs send `Authorization`; pages of the builder their cookie; pages elsewhere a second
   * subprotocol, `bearer.` with the key behind it. Change sets need the role `editor`.
   */
  "GET /v1/apps/{app}/channel": {
    id: "open_channel";
    request: { path: { app: string }; query?: { after?: number } };
    answer: ServerMessage;
  };
  /** Compares a client's files with the draft by hash, and says what content to upload first. */
  "POST /v1/apps/{app}/diff": {
    id: "diff_files";
    request: { path: { app: string }; body: DiffRequest };
    answer: DiffResponse;
  };
  /** Where the app's dev sandbox may connect to, and today's figures. Builds never connect to anything. */
  "GET /v1/apps/{app}/egress": {
    id: "get_egress";
    request: { path: { app: string } };
    answer: EgressView;
  };
  /**
   * Replaces the list. It holds at once for new connections, and those no longer allowed are cut; the first destination of an
   * app starts its dev server anew.
   */
  "PUT /v1/apps/{app}/egress": {
    id: "set_egress";
    request: { path: { app: string }; body: SetEgress };
    answer: EgressView;
  };
  /** The secrets of an environment: names, targets, versions, never values. */
  "GET /v1/apps/{app}/environments/{environment}/secrets": {
    id: "list_secrets";
    request: { path: { app: string; environment: string } };
    answer: SecretList;
  };
  /**
   * Sets a secret, in place of an earlier value. A running preview that is given it starts anew; a build gets it with the
   * next publish.
   */
  "PUT /v1/apps/{app}/environments/{environment}/secrets/{name}": {
    id: "put_secret";
    request: { path: { app: string; environment: string; name: string }; body: PutSecret };
    answer: SecretView;
  };
  /** Removes a secret. A second call is 404. */
  "DELETE /v1/apps/{app}/environments/{environment}/secrets/{name}": {
    id: "delete_secret";
    request: { path: { app: string; environment: string; name: string } };
    answer: undefined;
  };
  /** The variables of an environment. */
  "GET /v1/apps/{app}/environments/{environment}/variables": {
    id: "list_variables";
    request: { path: { app: string; environment: string } };
    answer: VariableList;
  };
  /**
   * Sets a variable, in place of an earlier value. Variables are no secrets: they can be read, and bundlers copy those with
   * their own prefixes (`VITE_`, `PUBLIC_`, …) into what browsers download.
   */
  "PUT /v1/apps/{app}/environments/{environment}/variables/{name}": {
    id: "put_variable";
    request: { path: { app: string; environment: string; name: string }; body: PutSecret };
    answer: VariableView;
  };
  /** Removes a variable. A second call is 404. */
  "DELETE /v1/apps/{app}/environments/{environment}/variables/{name}": {
    id: "delete_variable";
    request: { path: { app: string; environment: string; name: string } };
    answer: undefined;
  };
  /** The draft, or a revision, as an archive: the same files give the same bytes. */
  "GET /v1/apps/{app}/export": {
    id: "export_app";
    request: { path: { app: string }; query?: { format?: string; revision?: RevisionId | null } };
    answer: Uint8Array<ArrayBuffer>;
  };
  /**
   * The files by path, with hashes, sizes and modes: the draft's, or those of a revision, whose version is that of the draft it
   * was taken of.
   */
  "GET /v1/apps/{app}/files": {
    id: "list_files";
    request: { path: { app: string }; query?: { revision?: RevisionId | null } };
    answer: FileList;
  };
  /** The content of one file, of the draft or of a revision; its hash is the entity tag. */
  "GET /v1/apps/{app}/files/{path}": {
    id: "read_file";
    request: { path: { app: string; path: string }; query?: { revision?: RevisionId | null } };
    answer: Uint8Array<ArrayBuffer>;
  };
  /** The app's hosting settings. */
  "GET /v1/apps/{app}/hosting": {
    id: "get_hosting";
    request: { path: { app: string } };
    answer: HostingSettings;
  };
  /** Replaces the app's hosting settings. The very next visitor sees them. */
  "PUT /v1/apps/{app}/hosting": {
    id: "set_hosting";
    request: { path: { app: string }; body: HostingSettings };
    answer: HostingSettings;
  };
  /** The app's links, without their secrets. */
  "GET /v1/apps/{app}/preview-links": {
    id: "list_preview_links";
    request: { path: { app: string } };
    answer: PreviewLinks;
  };
  /** Makes a link that shows the app's preview to whoever has it, in the name of the caller. */
  "POST /v1/apps/{app}/preview-links": {
    id: "create_preview_link";
    request: { path: { app: string }; body: NewPreviewLink };
    answer: CreatedPreviewLink;
  };
  /** Takes a link back: it opens nothing any more, and what its visitors have open is closed. A second call is 404. */
  "DELETE /v1/apps/{app}/preview-links/{link}": {
    id: "delete_preview_link";
    request: { path: { app: string; link: string } };
    answer: undefined;
  };
  /** The app's publishes, newest first. */
  "GET /v1/apps/{app}/publishes": {
    id: "list_publishes";
    request: { path: { app: string }; query?: { limit?: number; cursor?: string } };
    answer: PagePublishView;
  };
  /**
   * Builds a revision and makes it the app's release: 202 with a publish to watch. What the draft holds now is what will be
   * built. A publish of the same app that still waits is superseded.
   */
  "POST /v1/apps/{app}/publishes": {
    id: "publish_app";
    request: { path: { app: string }; body: NewPublish };
    answer: PublishView;
  };
  /** One publish. */
  "GET /v1/apps/{app}/publishes/{publish}": {
    id: "get_publish";
    request: { path: { app: string; publish: string } };
    answer: PublishView;
  };
  /** Ends a publish: at once when it waits, as soon as its processes are gone when it runs. 409 when it has ended. */
  "POST /v1/apps/{app}/publishes/{publish}/cancel": {
    id: "cancel_publish";
    request: { path: { app: string; publish: string } };
    answer: PublishView;
  };
  /**
   * What happens to a publish, old and new, as server-sent events: `log` (a line, with its number as id), `publish` (the
   * publish whenever it has changed) and `end`. Resumes after the line in `Last-Event-ID`.
   */
  "GET /v1/apps/{app}/publishes/{publish}/logs": {
    id: "follow_publish";
    request: { path: { app: string; publish: string } };
    answer: PublishLogLine;
  };
  /** Publishes the same revision once more, as a new publish. */
  "POST /v1/apps/{app}/publishes/{publish}/retry": {
    id: "retry_publish";
    request: { path: { app: string; publish: string } };
    answer: PublishView;
  };
  /**
   * Goes one step forth, to what was undone last, as a new version. 409 `nothing_to_redo` when nothing was undone, or the draft was
   * changed since.
   */
  "POST /v1/apps/{app}/redo": {
    id: "redo_draft";
    request: { path: { app: string } };
    answer: Walked;
  };
  /** The app's releases, newest first. */
  "GET /v1/apps/{app}/releases": {
    id: "list_releases";
    request: { path: { app: string }; query?: { limit?: number; cursor?: string } };
    answer: PageReleaseView;
  };
  /**
   * Makes an artifact of the app current, without building anything. The very next visitor sees it; a publish that is still
   * running will not replace it.
   */
  "POST /v1/apps/{app}/releases": {
    id: "promote_artifact";
    request: { path: { app: string }; body: NewRelease };
    answer: ReleaseView;
  };
  /** Takes the app off the air. Its artifacts stay and can be promoted again. A second call is 404. */
  "DELETE /v1/apps/{app}/releases/current": {
    id: "unpublish_app";
    request: { path: { app: string } };
    answer: undefined;
  };
  /** The app's revisions, newest first. */
  "GET /v1/apps/{app}/revisions": {
    id: "list_revisions";
    request: { path: { app: string }; query?: { limit?: number; cursor?: string } };
    answer: PageRevision;
  };
  /**
   * Takes a snapshot of the draft. When nothing has changed since the newest one, or since undo led to another one, answers with
   * that.
   */
  "POST /v1/apps/{app}/revisions": {
    id: "create_revision";
    request: { path: { app: string }; body: NewRevision };
    answer: Revision;
  };
  /** One revision. */
  "GET /v1/apps/{app}/revisions/{revision}": {
    id: "get_revision";
    request: { path: { app: string; revision: string } };
    answer: Revision;
  };
  /**
   * How a revision differs from the draft, or from another revision. The content of a file of either side is read at
   * `GET /v1/apps/{app}/files/{path}?revision=…`.
   */
  "GET /v1/apps/{app}/revisions/{revision}/diff": {
    id: "diff_revision";
    request: { path: { app: string; revision: string }; query?: { against?: string } };
    answer: RevisionDiff;
  };
  /** Makes the draft hold what the revision holds, as a new version. What it held is kept as a revision first. */
  "POST /v1/apps/{app}/revisions/{revision}/restore": {
    id: "restore_revision";
    request: { path: { app: string; revision: string } };
    answer: Restored;
  };
  /**
   * Finds a text or a regular expression in the draft's files, line by line. Files that are no text, or larger than 1 MiB, are
   * skipped; a search ends after two seconds or 64 MiB with what it has found.
   */
  "GET /v1/apps/{app}/search": {
    id: "search_files";
    request: { path: { app: string }; query?: { query?: string; regex?: boolean; case_sensitive?: boolean; limit?: number } };
    answer: SearchResult;
  };
  /** The caller's session, live or ended last. */
  "GET /v1/apps/{app}/session": {
    id: "get_session";
    request: { path: { app: string } };
    answer: SessionView;
  };
  /** Gives the caller a session on the app's draft: 200 when it runs, 202 while it is on its way. Idempotent. */
  "PUT /v1/apps/{app}/session": {
    id: "ensure_session";
    request: { path: { app: string } };
    answer: SessionView;
  };
  /** Ends the caller's session. A second call is 404. */
  "DELETE /v1/apps/{app}/session": {
    id: "stop_session";
    request: { path: { app: string } };
    answer: undefined;
  };
  /**
   * What happens in the caller's preview, old and new, as server-sent events named `preview`; resumes by `Last-Event-ID`. The
   * last 500 events are kept, at most 256 KiB, for as long as the session lives and the server runs. Everything in them was
   * written by the app's pages: treat it as text that anybody may have made up.
   */
  "GET /v1/apps/{app}/session/events": {
    id: "follow_preview_events";
    request: { path: { app: string } };
    answer: KeptPreviewEvent;
  };
  /**
   * Runs a command in the sandbox of the caller's session and passes its output on as server-sent events: `output`, and at the end
   * `exit`. Hanging up ends the command with everything that it started. It counts as use of the session, and wakes a frozen
   * one; 409 `session_not_running` when there is none. Files that it changes are the sandbox's and not the draft's.
   */
  "POST /v1/apps/{app}/session/exec": {
    id: "exec_in_session";
    request: { path: { app: string }; body: ExecBody };
    answer: ExecOutput;
  };
  /** Moves the session's expiry, and does nothing else. */
  "POST /v1/apps/{app}/session/heartbeat": {
    id: "heartbeat_session";
    request: { path: { app: string } };
    answer: SessionView;
  };
  /** The lines of the session's log, old and new, as server-sent events; resumes by `Last-Event-ID`. */
  "GET /v1/apps/{app}/session/logs": {
    id: "follow_session_logs";
    request: { path: { app: string } };
    answer: LogLine;
  };
  /** Starts the session's sandbox anew. */
  "POST /v1/apps/{app}/session/restart": {
    id: "restart_session";
    request: { path: { app: string } };
    answer: SessionView;
  };
  /**
   * Goes one step back: to the revision that the draft came from, as a new version. What the draft holds is kept as a revision first,
   * so that nothing is lost. 409 `nothing_to_undo` when no earlier state is kept.
   */
  "POST /v1/apps/{app}/undo": {
    id: "undo_draft";
    request: { path: { app: string } };
    answer: Walked;
  };
  /** Requests and bytes of the published app by day, oldest first; a minute behind at most. */
  "GET /v1/apps/{app}/usage": {
    id: "get_usage";
    request: { path: { app: string }; query?: { days?: number } };
    answer: UsageDay[];
  };
  /** What the draft holds that would break its build or is not allowed; saves nothing and builds nothing. */
  "POST /v1/apps/{app}/validate": {
    id: "validate_app";
    request: { path: { app: string } };
    answer: Report;
  };
  /** What was done in the tenant, the newest first. */
  "GET /v1/audit": {
    id: "list_audit";
    request: { query?: { limit?: number; cursor?: string; actor?: string; operation?: string; app?: AppId; since?: Timestamp; until?: Timestamp } };
    answer: PageAuditEntry;
  };
  /** The log as one JSON object per line, the oldest first: to keep it somewhere else, or to search it with other tools. */
  "GET /v1/audit/export": {
    id: "export_audit";
    request: { query?: { limit?: number; cursor?: string; actor?: string; operation?: string; app?: AppId; since?: Timestamp; until?: Timestamp } };
    answer: AuditEntry;
  };
  /**
   * Whether every entry is as it was written, none is missing, and the last one is the last that was written. One log is
   * checked at a time.
   */
  "GET /v1/audit/verify": {
    id: "verify_audit";
    request: Record<never, never>;
    answer: AuditVerdict;
  };
  /**
   * Removes what nothing needs any more and what has been kept for its grace, or says what that would be. A bounded part with
   * each call: call again until `is_done`.
   */
  "POST /v1/collection": {
    id: "collect";
    request: { body: CollectBody };
    answer: CollectionReport;
  };
  /** The tenant's invitations that can be accepted and nobody has, the newest first. */
  "GET /v1/invites": {
    id: "list_invites";
    request: { query?: { limit?: number; cursor?: string } };
    answer: PageInvite;
  };
  /** Invites somebody: the answer has a code that makes whoever accepts it a member. Vitrine sends no mail; hand it over yourself. */
  "POST /v1/invites": {
    id: "invite_member";
    request: { body: InviteBody };
    answer: MadeInvite;
  };
  /**
   * Accepts an invitation, with an account that is there or a new one, and signs the browser in. Needs no caller: the code is
   * the credential.
   */
  "POST /v1/invites/accept": {
    id: "accept_invite";
    request: { body: Acceptance };
    answer: undefined;
  };
  /** Withdraws an invitation. A second call is 404. */
  "DELETE /v1/invites/{invite}": {
    id: "withdraw_invite";
    request: { path: { invite: string } };
    answer: undefined;
  };
  /** The tenant's keys, without their secrets. */
  "GET /v1/keys": {
    id: "list_keys";
    request: { query?: { limit?: number; cursor?: string } };
    answer: PageApiKey;
  };
  /** Makes a key that acts for the caller, with their role at most and for as long as they are a member. */
  "POST /v1/keys": {
    id: "create_key";
    request: { body: KeyBody };
    answer: MadeKey;
  };
  /** Revokes a key for good; the very next request with it is refused. */
  "DELETE /v1/keys/{api_key}": {
    id: "revoke_key";
    request: { path: { api_key: string } };
    answer: undefined;
  };
  /** What runs on this machine, and what it costs. */
  "GET /v1/machine": {
    id: "get_machine";
    request: { query?: { limit?: number } };
    answer: MachineView;
  };
  /** Who am I, and what may I do? */
  "GET /v1/me": {
    id: "me";
    request: Record<never, never>;
    answer: Me;
  };
  /** Sets what the person of a browser signs in with, and signs them out in all their other browsers. */
  "PUT /v1/me/password": {
    id: "set_password";
    request: { body: NewPassword };
    answer: undefined;
  };
  /** Makes a browser look at another of its person's tenants. Other callers name it with every request, in `Vitrine-Tenant`. */
  "POST /v1/me/tenant": {
    id: "choose_tenant";
    request: { body: ChosenTenant };
    answer: undefined;
  };
  /** How much of its quotas the caller's tenant uses. */
  "GET /v1/me/usage": {
    id: "get_my_usage";
    request: Record<never, never>;
    answer: TenantUsage;
  };
  /** The members of the caller's tenant. */
  "GET /v1/members": {
    id: "list_members";
    request: { query?: { limit?: number; cursor?: string } };
    answer: PageMember;
  };
  /**
   * Gives a member another role, from the next request on; somebody who was taken out of the tenant becomes a member again.
   * Admins manage everybody but owners.
   */
  "PATCH /v1/members/{user}": {
    id: "update_member";
    request: { path: { user: string }; body: MemberPatch };
    answer: Member;
  };
  /**
   * Takes a member out of the tenant, with the keys that act for them and the invitations they made, and ends their
   * previews. Admins may take out everybody but owners. A token of a host product does not bring them back: an invitation
   * does, or giving them a role again.
   */
  "DELETE /v1/members/{user}": {
    id: "remove_member";
    request: { path: { user: string } };
    answer: undefined;
  };
  /** The package policy that holds for the tenant. */
  "GET /v1/package-policy": {
    id: "get_package_policy";
    request: Record<never, never>;
    answer: PackagePolicy;
  };
  /** Sets the tenant's own package policy; publishes that are checked from now on go by it. */
  "PUT /v1/package-policy": {
    id: "set_package_policy";
    request: { body: Policy };
    answer: undefined;
  };
  /** Goes back to the server's package policy. A second call does nothing. */
  "DELETE /v1/package-policy": {
    id: "reset_package_policy";
    request: Record<never, never>;
    answer: undefined;
  };
  /** Signs a browser in, with an email and a password or with the admin key. After some misses the answer is 429 for a while. */
  "POST /v1/sign-in": {
    id: "sign_in";
    request: { body: SignIn };
    answer: undefined;
  };
  /** Signs a browser out. */
  "POST /v1/sign-out": {
    id: "sign_out";
    request: Record<never, never>;
    answer: undefined;
  };
  /** Signs the caller out in every browser. */
  "POST /v1/sign-out-everywhere": {
    id: "sign_out_everywhere";
    request: Record<never, never>;
    answer: undefined;
  };
  /** The templates apps can be made from. */
  "GET /v1/templates": {
    id: "list_templates";
    request: Record<never, never>;
    answer: TemplateList;
  };
  /** One template. */
  "GET /v1/templates/{key}": {
    id: "get_template";
    request: { path: { key: string } };
    answer: TemplateView;
  };
  /** A template's picture; open to everybody, as an `img` element brings no key. */
  "GET /v1/templates/{key}/thumbnail": {
    id: "template_thumbnail";
    request: { path: { key: string } };
    answer: Uint8Array<ArrayBuffer>;
  };
  /** Every tenant of the server. */
  "GET /v1/tenants": {
    id: "list_tenants";
    request: { query?: { limit?: number; cursor?: string } };
    answer: PageTenant;
  };
  /** Makes a tenant with its first owner. */
  "POST /v1/tenants": {
    id: "create_tenant";
    request: { body: TenantBody };
    answer: MadeTenant;
  };
  /**
   * Renames a tenant, suspends it, or takes that back. Suspending ends its previews and closes its preview links, which come
   * back with it; what it has published is served on.
   */
  "PATCH /v1/tenants/{tenant}": {
    id: "update_tenant";
    request: { path: { tenant: string }; body: TenantChange };
    answer: Tenant;
  };
  /** What a tenant may have, and has. */
  "GET /v1/tenants/{tenant}/quotas": {
    id: "get_tenant_quotas";
    request: { path: { tenant: string } };
    answer: TenantQuotas;
  };
  /**
   * Sets a tenant's own limits, in place of those it had. They count for whatever is asked for next; what the tenant has
   * already stays, also when it is more.
   */
  "PUT /v1/tenants/{tenant}/quotas": {
    id: "set_tenant_quotas";
    request: { path: { tenant: string }; body: TenantLimits };
    answer: TenantQuotas;
  };
}
