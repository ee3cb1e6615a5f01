// The settings of a site as a form has them, and back.
import type { HostingSettings } from "../../api/types";

/** What was changed and not saved yet; origins as they were typed. */
export interface SettingsEdit {
  settings: HostingSettings;
  frames: string;
}

export function editOf(settings: HostingSettings): SettingsEdit {
  return { settings, frames: (settings.frame_ancestors ?? []).join("\n") };
}

/** What to save: whatever the form does not show goes back as it came. */
export function settingsOf({ settings, frames }: SettingsEdit): HostingSettings {
  return { ...settings, frame_ancestors: frames.split(/[\s,]+/).filter((origin) => origin !== "") };
}

/** The settings with another policy; an empty one means Vitrine's default, which is left out. */
export function withPolicy(settings: HostingSettings, policy: string): HostingSettings {
  const { content_security_policy: _, ...rest } = settings;
  return policy.trim() === "" ? rest : { ...rest, content_security_policy: policy };
}
