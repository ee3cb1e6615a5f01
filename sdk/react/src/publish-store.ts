// An app's latest publish, followed to its end, and where strangers see the app.
import type { AppHandle, NewPublish, PublishHandle, PublishView, VitrineError } from "@vitrine/client";
import { asError } from "./faults.js";
import { Store } from "./store.js";

export interface PublishState {
  /** The latest one, as it is. */
  publish: PublishView | undefined;
  /** Where strangers see the app; undefined while they do not. */
  siteUrl: string | undefined;
  /** Why it could not be asked for, or followed, or why it failed. */
  error: VitrineError | undefined;
  /** True from the moment it was asked for to its end. */
  isPublishing: boolean;
}

export class PublishStore extends Store<PublishState> {
  readonly #app: AppHandle;
  #life: AbortSignal | undefined;

  constructor(app: AppHandle) {
    super({ publish: undefined, siteUrl: undefined, error: undefined, isPublishing: false });
    this.#app = app;
  }

  /** Publishes, and answers how that ended; undefined when it could not be asked for (`error`), or one is under way. */
  readonly start = async (wish: NewPublish = {}): Promise<PublishView | undefined> => {
    if (this.get().isPublishing) return undefined;
    this.set({ isPublishing: true, error: undefined });
    try {
      const publish = await this.#app.publishes.publish(wish);
      this.set({ publish: publish.view });
      return await this.#follow(publish);
    } catch (error) {
      this.set({ error: asError(error), isPublishing: false });
      return undefined;
    }
  };

  readonly cancel = async (): Promise<void> => {
    const { publish, isPublishing } = this.get();
    if (!publish || !isPublishing) return;
    try {
      await this.#app.publishes.open(publish.id).cancel();
    } catch (error) {
      const fault = asError(error);
      // It has ended meanwhile, which whoever follows it is told.
      if (fault.code !== "publish_over") this.set({ error: fault });
    }
  };

  /** Something has happened to one. Whoever follows one is told by it. */
  nudge(): void {
    if (this.#life && !this.get().isPublishing) void this.#catchUp(this.#life);
  }

  protected live(signal: AbortSignal): void {
    this.#life = signal;
    // Nobody knows from here on how it goes. Whoever looks again is told anew.
    signal.addEventListener("abort", () => {
      this.#life = undefined;
      this.set({ isPublishing: false });
    });
    void this.#catchUp(signal);
  }

  /** What was published before, and what is under way since before this page. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    try {
      const [app, { items }] = await Promise.all([
        this.#app.get({ signal }),
        this.#app.publishes.list({ limit: 1 }, { signal }),
      ]);
      this.set({ siteUrl: app.published_url ?? undefined });
      const latest = items[0];
      if (!latest || this.get().isPublishing) return;
      this.set({ publish: latest });
      if (!isUnderWay(latest)) return;
      this.set({ isPublishing: true });
      await this.#follow(this.#app.publishes.open(latest.id));
    } catch (error) {
      if (!signal.aborted) this.set({ error: asError(error), isPublishing: false });
    }
  }

  /** To the end, or until nobody looks. A page that comes back catches up. */
  async #follow(handle: PublishHandle): Promise<PublishView | undefined> {
    const signal = this.#life;
    try {
      for await (const event of handle.follow({ signal })) {
        if (event.type === "publish") this.set({ publish: event.publish });
      }
      const publish = await handle.get({ signal });
      const { published_url } = await this.#app.get({ signal });
      const error = publish.status === "failed" && publish.error ? asError(publish.error) : undefined;
      this.set({ publish, siteUrl: published_url ?? undefined, error, isPublishing: false });
      return publish;
    } catch (error) {
      if (signal?.aborted) return undefined;
      throw error;
    }
  }
}

export function isUnderWay({ status }: PublishView): boolean {
  return status === "queued" || status === "running";
}
