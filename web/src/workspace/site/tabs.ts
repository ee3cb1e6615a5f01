// The tabs of the panel about the site, as they stand in the URL.
export const SITE_TABS = ["publish", "problems", "history", "settings"] as const;
export type SiteTab = (typeof SITE_TABS)[number];

/** The tab called `name`; undefined for any other text. */
export function siteTabOf(name: string): SiteTab | undefined {
  return SITE_TABS.find((tab) => tab === name);
}
