// Revisions: the draft at moments that were kept.
import type { PageRevision, Restored, Revision, RevisionDiff } from "./generated.js";
import type { CallOptions, Http } from "./http.js";
import { everyItem, type PageOptions } from "./pages.js";

export class Revisions {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  /** By pages, the last one first. */
  list(query: PageOptions = {}, options?: CallOptions): Promise<PageRevision> {
    return this.http.json("GET /v1/apps/{app}/revisions", { path: { app: this.appId }, query }, options);
  }

  /** Every one, the last one first. */
  all(options?: CallOptions): AsyncGenerator<Revision, void> {
    return everyItem((page) => this.list(page, options));
  }

  /** Keeps the draft as it is now. */
  create(label?: string, options?: CallOptions): Promise<Revision> {
    const body = label === undefined ? {} : { label };
    return this.http.json("POST /v1/apps/{app}/revisions", { path: { app: this.appId }, body }, options);
  }

  get(revision: string, options?: CallOptions): Promise<Revision> {
    return this.http.json("GET /v1/apps/{app}/revisions/{revision}", this.#request(revision), options);
  }

  /** How the draft, or another revision, differs from this one, file by file. */
  diff(revision: string, against?: string, options?: CallOptions): Promise<RevisionDiff> {
    const query = against === undefined ? {} : { against };
    const request = { ...this.#request(revision), query };
    return this.http.json("GET /v1/apps/{app}/revisions/{revision}/diff", request, options);
  }

  /** Makes the draft what it was then, as a new version: nothing is lost. */
  restore(revision: string, options?: CallOptions): Promise<Restored> {
    return this.http.json(
      "POST /v1/apps/{app}/revisions/{revision}/restore",
      this.#request(revision),
      options,
    );
  }

  #request(revision: string) {
    return { path: { app: this.appId, revision } };
  }
}
