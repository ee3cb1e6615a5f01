// Releases and artifacts: what strangers see, and everything they have seen or could.
import { VitrineError } from "./errors.js";
import type { Artifact, Manifest, PageReleaseView, ReleaseView } from "./generated.js";
import type { AnswerOf, CallOptions, Http } from "./http.js";
import { everyItem, type PageOptions } from "./pages.js";

export class Releases {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  /** By pages, the last one first. */
  list(query: PageOptions = {}, options?: CallOptions): Promise<PageReleaseView> {
    return this.http.json("GET /v1/apps/{app}/releases", { path: { app: this.appId }, query }, options);
  }

  /** Every one, the last one first. */
  all(options?: CallOptions): AsyncGenerator<ReleaseView, void> {
    return everyItem((page) => this.list(page, options));
  }

  /** Makes an artifact what strangers see, older or newer, without building. */
  promote(artifact: string, options?: CallOptions): Promise<ReleaseView> {
    const request = { path: { app: this.appId }, body: { artifact } };
    return this.http.json("POST /v1/apps/{app}/releases", request, options);
  }

  /** Goes back to what strangers saw before. Called twice, it goes back and forth between two: name an artifact to go further. */
  async rollback(options?: CallOptions): Promise<ReleaseView> {
    let current: ReleaseView | undefined;
    for await (const release of this.all(options)) {
      if (current && release.artifact !== current.artifact) return this.promote(release.artifact, options);
      if (release.current) current = release;
    }
    const detail = current ? "There is no release before this one." : "Nothing is published.";
    throw new VitrineError({
      status: 409,
      code: "nothing_to_roll_back",
      title: "Nothing to go back to",
      detail,
    });
  }

  /** Takes the app off the air. */
  async unpublish(options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/apps/{app}/releases/current", { path: { app: this.appId } }, options);
  }
}

export class ArtifactHandle {
  constructor(
    readonly http: Http,
    readonly appId: string,
    readonly id: string,
  ) {}

  get(options?: CallOptions): Promise<Artifact> {
    return this.http.json("GET /v1/apps/{app}/artifacts/{artifact}", this.#request(), options);
  }

  /** Every file with its hash. */
  manifest(options?: CallOptions): Promise<Manifest> {
    return this.http.json("GET /v1/apps/{app}/artifacts/{artifact}/manifest", this.#request(), options);
  }

  /** How it was made: an in-toto statement with SLSA provenance. */
  provenance(options?: CallOptions): Promise<AnswerOf<"GET /v1/apps/{app}/artifacts/{artifact}/provenance">> {
    return this.http.json("GET /v1/apps/{app}/artifacts/{artifact}/provenance", this.#request(), options);
  }

  /** What it is made of: a CycloneDX document. */
  sbom(options?: CallOptions): Promise<AnswerOf<"GET /v1/apps/{app}/artifacts/{artifact}/sbom">> {
    return this.http.json("GET /v1/apps/{app}/artifacts/{artifact}/sbom", this.#request(), options);
  }

  #request() {
    return { path: { app: this.appId, artifact: this.id } };
  }
}
