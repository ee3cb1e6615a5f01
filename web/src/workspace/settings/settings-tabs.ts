// The parts of an app's settings, as they stand in the URL.
export const SETTINGS_TABS = [
  "general",
  "secrets",
  "hosting",
  "links",
  "egress",
  "session",
  "visits",
] as const;
export type SettingsTabName = (typeof SETTINGS_TABS)[number];

/** The part called `name`; any other text is the first one. */
export function settingsTabOf(name: string): SettingsTabName {
  return SETTINGS_TABS.find((tab) => tab === name) ?? "general";
}
