// Apps, and one app with everything that belongs to it.
import { CHANNEL_PROTOCOL, type Channel, type ChannelOptions, openChannel } from "./channel.js";
import { DraftHandle } from "./draft.js";
import type {
  AppChange,
  AppView,
  CreatedApp,
  NewAppBody,
  PageAppView,
  Report,
  UsageDay,
} from "./generated.js";
import type { CallOptions, Http, RequestOf } from "./http.js";
import { everyItem, type PageOptions } from "./pages.js";
import { Publishes } from "./publishes.js";
import { ArtifactHandle, Releases } from "./releases.js";
import { Revisions } from "./revisions.js";
import { SessionHandle } from "./session.js";
import { Egress, EnvironmentHandle, Hosting, PreviewLinkList } from "./settings.js";

/** An app that is made of a zip archive. */
export interface ImportOptions {
  name: string;
  archive: Blob;
  slug?: string;
  /** Also starts a session. */
  session?: boolean;
}

export class Apps {
  constructor(readonly http: Http) {}

  /** Makes an app of a template. With `session: true` its preview starts in the same call. */
  async create(app: NewAppBody, options?: CallOptions): Promise<AppHandle<CreatedApp>> {
    return this.#handle(await this.http.json("POST /v1/apps", { body: app }, options));
  }

  /** Makes an app of a zip archive. `view.skipped` names what does not belong into a project and was left out. */
  async import(app: ImportOptions, options?: CallOptions): Promise<AppHandle<CreatedApp>> {
    const form = new FormData();
    form.set("name", app.name);
    if (app.slug !== undefined) form.set("slug", app.slug);
    if (app.session !== undefined) form.set("session", String(app.session));
    form.set("archive", app.archive, "project.zip");
    return this.#handle(await this.http.json("POST /v1/apps", { body: form }, options));
  }

  /** By pages, the last one used first. */
  list(query: PageOptions = {}, options?: CallOptions): Promise<PageAppView> {
    return this.http.json("GET /v1/apps", { query }, options);
  }

  /** Every one. */
  all(options?: CallOptions): AsyncGenerator<AppView, void> {
    return everyItem((page) => this.list(page, options));
  }

  async get(id: string, options?: CallOptions): Promise<AppHandle<AppView>> {
    return this.#handle(await this.open(id).get(options));
  }

  /** An app by its id, without asking for it. */
  open(id: string): AppHandle<undefined> {
    return new AppHandle(this.http, id, undefined);
  }

  #handle<View extends AppView>(view: View): AppHandle<View> {
    return new AppHandle(this.http, view.id, view);
  }
}

type ChannelHandlers = Omit<ChannelOptions, "url" | "protocols">;

export class AppHandle<View extends AppView | undefined = AppView | undefined> {
  readonly draft: DraftHandle;
  readonly session: SessionHandle;
  readonly revisions: Revisions;
  readonly publishes: Publishes;
  readonly releases: Releases;
  readonly egress: Egress;
  readonly hosting: Hosting;
  readonly previewLinks: PreviewLinkList;

  constructor(
    readonly http: Http,
    readonly id: string,
    /** What was answered when this was made. */
    readonly view: View,
  ) {
    this.draft = new DraftHandle(http, id);
    this.session = new SessionHandle(http, id);
    this.revisions = new Revisions(http, id);
    this.publishes = new Publishes(http, id);
    this.releases = new Releases(http, id);
    this.egress = new Egress(http, id);
    this.hosting = new Hosting(http, id);
    this.previewLinks = new PreviewLinkList(http, id);
  }

  get(options?: CallOptions): Promise<AppView> {
    return this.http.json("GET /v1/apps/{app}", this.#request(), options);
  }

  /** Renames it, or sets how it is run and built. */
  update(change: AppChange, options?: CallOptions): Promise<AppView> {
    return this.http.json("PATCH /v1/apps/{app}", { ...this.#request(), body: change }, options);
  }

  /** Ends its session, takes it off the air and removes it. */
  async delete(options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/apps/{app}", this.#request(), options);
  }

  /** What would stand against a build of the draft; builds and saves nothing. */
  validate(options?: CallOptions): Promise<Report> {
    return this.http.json("POST /v1/apps/{app}/validate", this.#request(), options);
  }

  /** The draft, or a revision, as an archive. */
  export(
    query: NonNullable<RequestOf<"GET /v1/apps/{app}/export">["query"]> = {},
    options?: CallOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.http.bytes("GET /v1/apps/{app}/export", { ...this.#request(), query }, options);
  }

  /** What it has used, day by day. */
  usage(days?: number, options?: CallOptions): Promise<UsageDay[]> {
    const query = days === undefined ? {} : { days };
    return this.http.json("GET /v1/apps/{app}/usage", { ...this.#request(), query }, options);
  }

  /** `development`, `preview` or `production`. */
  environment(name: string): EnvironmentHandle {
    return new EnvironmentHandle(this.http, this.id, name);
  }

  artifact(id: string): ArtifactHandle {
    return new ArtifactHandle(this.http, this.id, id);
  }

  /** What happens to the app, as it happens; comes back by itself when the connection is lost. */
  channel(handlers: ChannelHandlers): Channel {
    return openChannel({
      ...handlers,
      url: `${this.http.base}/v1/apps/${encodeURIComponent(this.id)}/channel`,
      protocols: async () => [CHANNEL_PROTOCOL, ...(await this.http.protocols())],
    });
  }

  #request() {
    return { path: { app: this.id } };
  }
}
