// What can be done with the workspace from the keyboard.
import { useTranslation } from "react-i18next";
import { useCommands } from "../commands/commands";
import { useUrlState } from "../components/use-url-state";
import { VIEWS } from "./layout/views";
import type { WorkspaceHandle } from "./use-workspace";

export function useWorkspaceCommands(workspace: WorkspaceHandle, openQuickly: () => void): void {
  const { t } = useTranslation(["frame", "files", "search", "changes"]);
  const { layout, travel, app } = workspace;
  const [, setCompare] = useUrlState("compare");
  const section = t("section");
  const views = VIEWS.filter((view) => layout.isWide || view !== "both").map((view) => ({
    id: `view.${view}`,
    title: t("show", { name: t(`views.${view}`) }),
    section,
    run: () => layout.showView(view),
  }));
  const compare = (revision: string | undefined) => {
    setCompare(revision ?? "");
    layout.showView("changes");
  };
  const live = app.release?.revision_id;
  useCommands([
    {
      id: "files.open",
      title: t("files:quickOpen"),
      section: t("files:section"),
      keys: "Mod+P",
      run: openQuickly,
    },
    {
      id: "search.open",
      title: t("search:label"),
      section: t("search:section"),
      keys: "Mod+Alt+F",
      run: () => layout.showSide("search"),
    },
    ...views,
    { id: "view.next", title: t("nextPanel"), section, keys: "F6", run: focusNextRegion },
    {
      id: "history.undo",
      title: t("changes:undo"),
      section: t("changes:section"),
      keys: "Mod+Alt+Z",
      run: () => travel.go({ kind: "undo" }),
    },
    {
      id: "history.redo",
      title: t("changes:redo"),
      section: t("changes:section"),
      keys: "Mod+Alt+Y",
      run: () => travel.go({ kind: "redo" }),
    },
    {
      id: "changes.last",
      title: t("changes:sinceLast"),
      section: t("changes:section"),
      run: () => compare(undefined),
    },
    {
      id: "changes.live",
      title: t("changes:sinceLive"),
      section: t("changes:section"),
      disabled: live === undefined,
      run: () => compare(live),
    },
  ]);
}

const FOCUSABLE =
  "a[href], button:not(:disabled), input, textarea, [tabindex='0'], [contenteditable='true'], iframe";

/** Goes around the parts of the page, to the first thing in the next one that takes the focus. */
function focusNextRegion(): void {
  const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(
    (region) => region.offsetParent,
  );
  const current = regions.findIndex((region) => region.contains(document.activeElement));
  for (let step = 1; step <= regions.length; step++) {
    const region = regions[(current + step) % regions.length];
    const target = [...(region?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].find((element) =>
      element.checkVisibility({ visibilityProperty: true }),
    );
    if (!target) continue;
    target.focus();
    return;
  }
}
