// What can be done with the site from the keyboard.
import { useTranslation } from "react-i18next";
import type { App } from "../../api/types";
import { type Command, useCommands } from "../../commands/commands";
import type { Site } from "./use-site";

/** Control and P prints; with Shift it would, too, if nobody took it. */
export const PUBLISH_KEYS = "Mod+Shift+P";

export function useSiteCommands(app: App, site: Site): void {
  const { t } = useTranslation("site");
  const section = t("commands.section");
  const url = app.published_url;
  const commands: Command[] = [
    {
      id: "site.publish",
      title: t("commands.publish"),
      section,
      keys: PUBLISH_KEYS,
      run: site.start,
    },
    {
      id: "site.open",
      title: t("commands.open"),
      section,
      disabled: url === undefined,
      run: () => window.open(url, "_blank", "noopener,noreferrer"),
    },
    {
      id: "site.preview-build",
      title: t("commands.previewBuild"),
      section,
      run: () => {
        site.showTab("publish");
        site.publish.preview.start();
      },
    },
    {
      id: "site.check",
      title: t("commands.check"),
      section,
      run: () => {
        site.showTab("problems");
        site.check.run();
      },
    },
    { id: "site.history", title: t("commands.history"), section, run: () => site.showTab("history") },
    { id: "site.settings", title: t("commands.settings"), section, run: () => site.showTab("settings") },
  ];
  useCommands(commands);
}
