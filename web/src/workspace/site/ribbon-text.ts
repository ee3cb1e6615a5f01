// What strangers see, in a few words, and how far the draft is ahead of it.
import i18next from "i18next";
import type { App, HostingSettings, Revision } from "../../api/types";
import { shortAgoOf } from "../../components/format";

interface Known {
  app: Pick<App, "status" | "release" | "published_url" | "site_url">;
  /** Absent until they are read; then only that the site is paused matters. */
  hosting: Pick<HostingSettings, "paused"> | undefined;
  /** The revision of the current release, once it is read. */
  released: Pick<Revision, "id" | "draft_version"> | undefined;
  draftVersion: number;
}

export interface RibbonText {
  state: "none" | "live" | "paused";
  words: string;
  /** The site, while there is one. */
  url?: string;
  /** How many versions the draft is ahead; absent while unknown. */
  ahead?: number;
}

export function ribbonOf({ app, hosting, released, draftVersion }: Known, nowMs: number): RibbonText {
  const { release } = app;
  if (app.status !== "published" && !release) return { state: "none", words: i18next.t("site:ribbon.none") };
  const paused = hosting?.paused === true;
  const words = [paused ? i18next.t("site:ribbon.paused") : i18next.t("site:ribbon.live")];
  if (release)
    words.push(
      i18next.t("site:ribbon.release", { number: release.number }),
      shortAgoOf(release.created_at, nowMs),
    );
  const url = app.published_url ?? release?.url ?? app.site_url;
  // Right after a switch the revision at hand is still that of the release before.
  const fits = released !== undefined && released.id === release?.revision_id;
  return {
    state: paused ? "paused" : "live",
    words: words.join(" · "),
    ...(url !== undefined && { url }),
    ...(fits && { ahead: Math.max(0, draftVersion - released.draft_version) }),
  };
}

/** An address as people say it: without scheme and trailing slash. */
export function addressOf(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
