// The wire types of `/v1`, written by hand from the server's model until they are generated from openapi.json.

export type AppStatus = "draft" | "published";
export type ProfileKind = "vite" | "astro" | "static" | "custom";

export interface Profile {
  kind: ProfileKind;
  dev?: string[];
  build?: string[];
  output?: string;
  node?: string;
}

export interface App {
  id: string;
  name: string;
  slug: string;
  status: AppStatus;
  template?: string;
  profile: Profile;
  version: number;
  /** The site's address, while there is something at it. */
  published_url?: string;
  /** Where the site is, or would be. */
  site_url?: string;
  /** What strangers see; absent while the app is not published. */
  release?: Release;
  /** How one's own preview of it is; in lists alone, and absent while there is none. */
  session_status?: SessionStatus;
  created_at: string;
  updated_at: string;
}

export interface Page<T> {
  items: T[];
  next_cursor?: string;
}

export interface TemplateView {
  key: string;
  name: string;
  description: string;
  tags: string[];
  thumbnail_url: string;
  profile: Profile;
  entry_file: string;
  template_hash: string;
  prebuilt: boolean;
}

export interface Me {
  tenant: { id: string; name: string };
  /** Everywhere the person may work. */
  tenants?: { id: string; name: string; role: Me["role"] }[];
  user: { id: string; name: string; email?: string; has_password: boolean };
  role: "viewer" | "editor" | "admin" | "owner";
  actor: { kind: "browser" | "key" | "admin_key" | "host" };
  /** May look at the machine. */
  runs_server: boolean;
  /** Absent for callers with a key, which need none. */
  csrf_token?: string;
}

export type FileMode = "100644" | "100755";

export interface FileEntry {
  sha256: string;
  size: number;
  mode: FileMode;
}

export type Tree = Record<string, FileEntry>;

export interface FileList {
  version: number;
  files: Tree;
}

export type Op =
  | { op: "write"; path: string; text: string; mode?: FileMode }
  | { op: "write"; path: string; sha256: string; mode?: FileMode }
  | { op: "delete"; path: string }
  | { op: "rename"; from: string; to: string };

export interface ChangeRequest {
  base_version?: number;
  ops: Op[];
}

export interface ChangeResponse {
  version: number;
  session?: { status: SessionStatus; delivered: boolean };
}

export type SessionStatus =
  | "starting"
  | "running"
  | "frozen"
  | "hibernated"
  | "stopped"
  | "expired"
  | "error";

export type StepName = "files" | "toolchain" | "layer" | "sandbox" | "dev_server";
export type StepStatus = "pending" | "active" | "done" | "failed";

export interface Step {
  name: StepName;
  status: StepStatus;
  duration_ms?: number;
  detail?: string;
}

export interface Timings {
  steps: Step[];
  total_ms?: number;
}

export interface SessionView {
  id: string;
  app_id: string;
  status: SessionStatus;
  preview_url: string;
  expires_at: string;
  idle_timeout_secs: number;
  last_activity_at: string;
  driver: string;
  draft_version: number;
  timings: Timings;
  restarts: number;
  error?: Problem;
}

export type LogSource = "install" | "stdout" | "stderr" | "vitrine";

export interface LogLine {
  seq: number;
  at: string;
  source: LogSource;
  text: string;
}

export interface ProblemItem {
  path?: string;
  line?: number;
  code: string;
  message: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  request_id?: string;
  errors?: ProblemItem[];
  latest_version?: number;
}

export interface Revision {
  id: string;
  app_id: string;
  draft_version: number;
  label?: string;
  created_at: string;
}

export type PublishStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "superseded";

export type PublishStepName =
  | "check"
  | "toolchain"
  | "layer"
  | "build"
  | "pack"
  | "upload"
  | "verify"
  | "switch";
export type PublishStepStatus = "pending" | "active" | "done" | "skipped" | "failed";

export interface PublishStep {
  name: PublishStepName;
  status: PublishStepStatus;
  started_at?: string;
  finished_at?: string;
  detail?: string;
}

export interface Publish {
  id: string;
  app_id: string;
  status: PublishStatus;
  build_seq: number;
  revision_id: string;
  mode: "development" | "production";
  target: "hosting" | "preview" | "verify";
  steps: PublishStep[];
  attempt: number;
  /** True when an earlier artifact of the same inputs was used instead of building. */
  reused: boolean;
  artifact?: string;
  release?: string;
  error?: Problem;
  created_at: string;
  started_at?: string;
  finished_at?: string;
  /** Where the app's current release is served. */
  site_url: string;
  /** Where its artifact is served, once there is one; of a preview with a token that ends some time. */
  permalink_url?: string;
}

export interface PublishLogLine {
  seq: number;
  at: string;
  step: PublishStepName;
  is_stderr: boolean;
  text: string;
}

export interface Release {
  id: string;
  app_id: string;
  number: number;
  artifact: string;
  revision_id: string;
  cause: "publish" | "promotion";
  publish_id?: string;
  current: boolean;
  created_at: string;
  /** The site. */
  url?: string;
  /** This very release, whatever is current. */
  permalink_url?: string;
  /** The same files by a path instead of a host, for a CDN. */
  cdn_url?: string;
}

/** The output of a build. */
export interface Artifact {
  id: string;
  file_count: number;
  /** Uncompressed. */
  size_bytes: number;
}

export type Fallback = "auto" | "page" | "not_found";

export interface HostingSettings {
  paused: boolean;
  fallback: Fallback;
  content_security_policy?: string;
  /** Left out when empty. */
  frame_ancestors?: string[];
  runtime_config?: Record<string, unknown>;
}

export interface Finding {
  code: string;
  message: string;
  path?: string;
  line?: number;
  column?: number;
  package?: string;
}

export interface Validation {
  faults: Finding[];
  warnings: Finding[];
}

/** One app's sandbox. */
export interface SandboxView {
  app_id: string;
  /** Of apps of one's own tenant alone. */
  app_name?: string;
  tenant_id: string;
  status: SessionStatus;
  memory_bytes: number;
  swap_bytes: number;
  /** Processor time so far. */
  cpu_micros: number;
  pids: number;
  started_at?: string;
  last_use_at?: string;
  start_ms?: number;
  restarts: number;
}

export type SandboxState = "starting" | "running" | "frozen" | "error";

/** What runs on the server's machine, and what it costs; what cannot be told is absent. */
export interface MachineView {
  at: string;
  cores: number;
  /** Processor time that everything has used so far, over all cores. */
  cpu_micros?: number;
  memory: {
    total_bytes?: number;
    available_bytes?: number;
    reserved_bytes: number;
    sandboxes_bytes: number;
    sandboxes_swap_bytes: number;
    swap_total_bytes?: number;
    swap_free_bytes?: number;
  };
  sessions?: Record<SandboxState | "hibernated", number>;
  sandboxes: Record<SandboxState, number>;
  pool: { warm: number; memory_bytes: number };
  layers?: { count: number; in_use: number; bytes: number; budget_bytes: number };
  since_start: {
    starts: number;
    from_pool: number;
    wakes: number;
    freezes: number;
    thaws: number;
    hibernations: number;
    evictions: number;
    refusals: number;
    losses: number;
  };
  items: SandboxView[];
}
