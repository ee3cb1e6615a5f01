// What fills the middle of the workspace, as it stands in the URL.
export const VIEWS = ["preview", "both", "code", "changes", "settings"] as const;
export type View = (typeof VIEWS)[number];

/** Code and preview beside each other need this much of the screen. */
export const WIDE = "(min-width: 1100px)";

/**
 * The view to show: the one in the URL, else the one of the last visit, else code and preview together. Where there is no
 * room for both, the preview comes first.
 */
export function viewFrom(inUrl: string, remembered: string | null, isWide: boolean): View {
  const known = VIEWS.find((view) => view === inUrl) ?? VIEWS.find((view) => view === remembered) ?? "both";
  return known === "both" && !isWide ? "preview" : known;
}

/** Where a file that was just opened is seen: it stays where it is seen already. */
export function viewForFile(view: View, isWide: boolean): View {
  if (view === "both" || view === "code") return view;
  return isWide ? "both" : "code";
}

/** On a phone one panel is shown, and the preview lies over it as a sheet. */
export const PANELS = ["preview", "code", "files", "search", "changes", "settings", "site", "log"] as const;
export type Panel = (typeof PANELS)[number];

export function panelOf(name: string): Panel {
  return PANELS.find((panel) => panel === name) ?? "preview";
}

/** How far the preview is pulled over the panel below it. */
export type Sheet = "down" | "half" | "full";

const HALF_PERCENT = 46;
const SHEET_PERCENT: Record<Sheet, number> = { down: 0, half: HALF_PERCENT, full: 100 };

export function sheetPercent(sheet: Sheet): number {
  return SHEET_PERCENT[sheet];
}

/** Where a sheet comes to rest that was let go of at `percent` of the height. */
export function restingSheet(percent: number): Sheet {
  if (percent < HALF_PERCENT / 2) return "down";
  return percent < (HALF_PERCENT + 100) / 2 ? "half" : "full";
}

/** What a key does to the sheet; undefined when it is none of its keys. */
export function sheetByKey(key: string, sheet: Sheet): Sheet | undefined {
  if (key === "ArrowUp") return sheet === "down" ? "half" : "full";
  if (key === "ArrowDown") return sheet === "full" ? "half" : "down";
  return undefined;
}
