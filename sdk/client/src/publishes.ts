// Publishes: the jobs that make a draft what strangers see.
import { type LooseProblem, VitrineError } from "./errors.js";
import { type FollowOptions, follow } from "./events.js";
import type { NewPublish, PagePublishView, PublishLogLine, PublishView } from "./generated.js";
import type { CallOptions, Http } from "./http.js";
import { everyItem, type PageOptions } from "./pages.js";
import { resume } from "./session.js";

/** What happens to a publish while it runs. */
export type PublishEvent = { type: "log"; line: PublishLogLine } | { type: "publish"; publish: PublishView };

/** A publish that ended, and not well. `code` says why, `publish` has everything. */
export class PublishFailed extends VitrineError {
  override readonly name = "PublishFailed";

  constructor(readonly publish: PublishView) {
    super((publish.error as LooseProblem | null | undefined) ?? ended(publish));
  }
}

export class Publishes {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  /** Publishes the draft as it is now, or what `wish` says. Answers as soon as it is in the queue. */
  async publish(wish: NewPublish = {}, options?: CallOptions): Promise<PublishHandle<PublishView>> {
    const request = { path: { app: this.appId }, body: wish };
    return this.#handle(await this.http.json("POST /v1/apps/{app}/publishes", request, options));
  }

  /** By pages, the last one first. */
  list(query: PageOptions = {}, options?: CallOptions): Promise<PagePublishView> {
    return this.http.json("GET /v1/apps/{app}/publishes", { path: { app: this.appId }, query }, options);
  }

  /** Every one, the last one first. */
  all(options?: CallOptions): AsyncGenerator<PublishView, void> {
    return everyItem((page) => this.list(page, options));
  }

  async get(id: string, options?: CallOptions): Promise<PublishHandle<PublishView>> {
    return this.#handle(await this.open(id).get(options));
  }

  /** A publish by its id, without asking for it. */
  open(id: string): PublishHandle<undefined> {
    return new PublishHandle(this.http, this.appId, id, undefined);
  }

  #handle(view: PublishView): PublishHandle<PublishView> {
    return new PublishHandle(this.http, this.appId, view.id, view);
  }
}

export class PublishHandle<View extends PublishView | undefined = PublishView | undefined> {
  constructor(
    readonly http: Http,
    readonly appId: string,
    readonly id: string,
    /** What was answered when this was made. */
    readonly view: View,
  ) {}

  get(options?: CallOptions): Promise<PublishView> {
    return this.http.json("GET /v1/apps/{app}/publishes/{publish}", this.#request(), options);
  }

  /** Waits for the end; throws `PublishFailed` unless it succeeded. */
  async wait(
    options: { signal?: AbortSignal; onProgress?: (publish: PublishView) => void } = {},
  ): Promise<PublishView> {
    for await (const event of this.follow(options)) {
      if (event.type === "publish") options.onProgress?.(event.publish);
    }
    const publish = await this.get({ signal: options.signal });
    if (publish.status !== "succeeded") throw new PublishFailed(publish);
    return publish;
  }

  /** What happens, from the beginning to the end, also over lost connections. */
  async *follow(options: FollowOptions = {}): AsyncGenerator<PublishEvent, void> {
    const open = (last: string | undefined, signal: AbortSignal) =>
      this.http.stream(
        "GET /v1/apps/{app}/publishes/{publish}/logs",
        { ...this.#request(), headers: resume(last) },
        { signal },
      );
    for await (const { event, data } of follow(open, ({ event }) => event === "end", options)) {
      if (event === "log") yield { type: "log", line: JSON.parse(data) as PublishLogLine };
      if (event === "publish") yield { type: "publish", publish: JSON.parse(data) as PublishView };
    }
  }

  cancel(options?: CallOptions): Promise<PublishView> {
    return this.http.json("POST /v1/apps/{app}/publishes/{publish}/cancel", this.#request(), options);
  }

  /** A new publish of the same revision. */
  async retry(options?: CallOptions): Promise<PublishHandle<PublishView>> {
    const view = await this.http.json(
      "POST /v1/apps/{app}/publishes/{publish}/retry",
      this.#request(),
      options,
    );
    return new PublishHandle(this.http, this.appId, view.id, view);
  }

  #request() {
    return { path: { app: this.appId, publish: this.id } };
  }
}

function ended({ status }: PublishView): LooseProblem {
  const detail =
    status === "superseded" ? "Something newer took its place." : "Nothing has changed for visitors.";
  return { status: 409, code: `publish_${status}`, title: `The publish was ${status}`, detail };
}
