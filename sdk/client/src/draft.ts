// An app's draft: its files, and the change sets that change them. All of a change set is applied, or nothing.
import type {
  ChangeSetBody,
  ChangeSetResult,
  DiffResponse,
  FileList,
  Op,
  SearchResult,
} from "./generated.js";
import type { AnswerOf, CallOptions, Http, RequestOf } from "./http.js";

/** A file's content. Text is written as UTF-8. */
export type Content = string | Blob | Uint8Array<ArrayBuffer> | ArrayBuffer;

export interface ReadOptions extends CallOptions {
  /** Instead of the draft. */
  revision?: string | undefined;
}

export interface ChangeOptions extends CallOptions {
  /** The version the change was made for: another one by now is a `draft_conflict`, and nothing changes. */
  baseVersion?: number | undefined;
}

export type SearchQuery = Omit<NonNullable<RequestOf<"GET /v1/apps/{app}/search">["query"]>, "query">;

/** Content from here on is uploaded by itself, so that a change set stays far below its 36 MiB. */
const UPLOAD_FROM_BYTES = 256 * 1024;

export class DraftHandle {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  /** Every file with its hash and size, and the version they are of; of the draft, or of a revision. */
  list(options: ReadOptions = {}): Promise<FileList> {
    const { revision } = options;
    const query = revision === undefined ? {} : { revision };
    return this.http.json("GET /v1/apps/{app}/files", { ...this.#request(), query }, options);
  }

  /** A file's bytes; of the draft, or of a revision. */
  read(path: string, options: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const query = { revision: options.revision };
    return this.http.bytes(
      "GET /v1/apps/{app}/files/{path}",
      { path: { app: this.appId, path }, query },
      options,
    );
  }

  /** A file as text. */
  async readText(path: string, options?: ReadOptions): Promise<string> {
    return new TextDecoder().decode(await this.read(path, options));
  }

  /** Writes these files, new ones and old, as one change set. */
  async write(files: Record<string, Content>, options?: ChangeOptions): Promise<ChangeSetResult> {
    const ops = await Promise.all(
      Object.entries(files).map(([path, content]) => this.#writing(path, content, options)),
    );
    return this.apply(ops, options);
  }

  /** Removes these files as one change set. */
  delete(paths: string | string[], options?: ChangeOptions): Promise<ChangeSetResult> {
    const ops = [paths].flat().map((path): Op => ({ op: "delete", path }));
    return this.apply(ops, options);
  }

  rename(from: string, to: string, options?: ChangeOptions): Promise<ChangeSetResult> {
    return this.apply([{ op: "rename", from, to }], options);
  }

  /** Applies any operations as one change set. */
  apply(ops: Op[], options: ChangeOptions = {}): Promise<ChangeSetResult> {
    const { baseVersion } = options;
    const body: ChangeSetBody = baseVersion === undefined ? { ops } : { ops, base_version: baseVersion };
    return this.http.json("POST /v1/apps/{app}/changes", { ...this.#request(), body }, options);
  }

  /** Finds a text, or with `regex` a regular expression, line by line. */
  search(text: string, search: SearchQuery = {}, options?: CallOptions): Promise<SearchResult> {
    const query = { ...search, query: text };
    return this.http.json("GET /v1/apps/{app}/search", { ...this.#request(), query }, options);
  }

  /** Goes back to the revision before; nothing is lost. `nothing_to_undo` when there is none. */
  undo(options?: CallOptions): Promise<AnswerOf<"POST /v1/apps/{app}/undo">> {
    return this.http.json("POST /v1/apps/{app}/undo", this.#request(), options);
  }

  /** Takes an `undo` back. `nothing_to_redo` when there is none. */
  redo(options?: CallOptions): Promise<AnswerOf<"POST /v1/apps/{app}/redo">> {
    return this.http.json("POST /v1/apps/{app}/redo", this.#request(), options);
  }

  /** How files that the caller has, by their SHA-256, differ from the draft. */
  diff(files: Record<string, string>, options?: CallOptions): Promise<DiffResponse> {
    return this.http.json("POST /v1/apps/{app}/diff", { ...this.#request(), body: { files } }, options);
  }

  /** Uploads content that a change set then names by its SHA-256. */
  async upload(sha256: string, content: Exclude<Content, string>, options?: CallOptions): Promise<void> {
    const request = { path: { app: this.appId, sha256 }, body: content };
    await this.http.json("PUT /v1/apps/{app}/blobs/{sha256}", request, options);
  }

  /**
   * Makes the draft hold exactly these files, sending only what the server does not have. Somebody else's change in between is
   * a `draft_conflict`, and nothing changes. Needs a secure context (HTTPS, `localhost`, Node.js).
   */
  async sync(files: Record<string, Content>, options?: CallOptions): Promise<ChangeSetResult> {
    const contents = new Map<string, Uint8Array<ArrayBuffer>>();
    const hashes: Record<string, string> = {};
    for (const [path, content] of Object.entries(files)) {
      const bytes = await bytesOf(content);
      const sha256 = await sha256Of(bytes);
      contents.set(sha256, bytes);
      hashes[path] = sha256;
    }
    const { missing, changed, extra, version } = await this.diff(hashes, options);
    if (changed.length === 0 && extra.length === 0) return { version, applied: 0 };
    for (const sha256 of missing) {
      const bytes = contents.get(sha256);
      if (bytes) await this.upload(sha256, bytes, options);
    }
    const writes = changed.map((path): Op => ({ op: "write", path, sha256: hashes[path] ?? null }));
    const deletes = extra.map((path): Op => ({ op: "delete", path }));
    return this.apply([...deletes, ...writes], { ...options, baseVersion: version });
  }

  #request() {
    return { path: { app: this.appId } };
  }

  async #writing(path: string, content: Content, options: CallOptions | undefined): Promise<Op> {
    if (typeof content === "string" && content.length < UPLOAD_FROM_BYTES)
      return { op: "write", path, text: content };
    const bytes = await bytesOf(content);
    if (bytes.length < UPLOAD_FROM_BYTES) return { op: "write", path, base64: base64Of(bytes) };
    const sha256 = await sha256Of(bytes);
    await this.upload(sha256, bytes, options?.signal ? { signal: options.signal } : {});
    return { op: "write", path, sha256 };
  }
}

async function bytesOf(content: Content): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return content;
  return new Uint8Array(content instanceof Blob ? await content.arrayBuffer() : content);
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
