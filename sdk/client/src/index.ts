// What `@vitrine/client` exports. The channel, the bridge and the server's part have entries of their own.
// biome-ignore-all lint/performance/noBarrelFile: a package has one entry, and says in it what is public
export type { AppHandle, Apps, ImportOptions } from "./apps.js";
export type { Auth, TokenSource } from "./credentials.js";
export type { ChangeOptions, Content, DraftHandle, ReadOptions, SearchQuery } from "./draft.js";
export { type ErrorCode, type LocalCode, VitrineError } from "./errors.js";
export type { FollowOptions, ServerEvent } from "./events.js";
export type * from "./generated.js";
export type { CallOptions, HttpOptions } from "./http.js";
export type { PageOptions } from "./pages.js";
export { type PublishEvent, PublishFailed, type PublishHandle } from "./publishes.js";
export type { ArtifactHandle } from "./releases.js";
export type { ExecEvent, ExecOptions, ExecResult, RunningOptions, SessionHandle } from "./session.js";
export { Vitrine } from "./vitrine.js";
