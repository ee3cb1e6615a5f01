// What of the workspace is shown: in the URL where somebody may want to send it, else remembered by this browser.
import { useCallback, useState } from "react";
import { readStored, writeStored } from "../../components/stored";
import { PHONE, useMedia } from "../../components/use-media";
import { useUrlState } from "../../components/use-url-state";
import { type Panel, panelOf, type Sheet, type View, viewForFile, viewFrom, WIDE } from "./views";

const REMEMBERED = "view";
export type SideTab = "files" | "search";

export interface Layout {
  isPhone: boolean;
  isWide: boolean;
  view: View;
  showView: (view: View) => void;
  /** Where the code is seen, without more change than that takes. */
  showCode: () => void;
  sideTab: SideTab;
  showSide: (tab: SideTab) => void;
  /** Grows whenever the search is asked for anew. */
  searchAsked: number;
  /** On a phone: the panel whose turn it is; `preview` while the sheet covers it. */
  panel: Panel;
  setPanel: (panel: string) => void;
  /** What lies under the sheet. */
  under: Panel;
  sheet: Sheet;
  setSheet: (sheet: Sheet) => void;
}

export function useLayout(): Layout {
  const isPhone = useMedia(PHONE);
  const isWide = useMedia(WIDE);
  const [viewName, setViewName] = useUrlState("view");
  const [panelName, setPanel] = useUrlState("panel");
  const [sideTab, setSideTab] = useState<SideTab>("files");
  const [searchAsked, setSearchAsked] = useState(0);
  const [isHalf, setHalf] = useState(false);
  const [under, setUnder] = useState<Panel>("code");
  const panel = panelOf(panelName);
  // What was shown last is what a sheet that is put away uncovers.
  if (panel !== "preview" && panel !== under) setUnder(panel);
  const view = viewFrom(viewName, readStored(REMEMBERED), isWide);

  const showView = useCallback(
    (next: View) => {
      setViewName(next);
      if (next !== "changes" && next !== "settings") writeStored(REMEMBERED, next);
      if (isPhone) setPanel(panelFor(next));
    },
    [setViewName, setPanel, isPhone],
  );
  const showCode = useCallback(() => {
    if (isPhone) setPanel("code");
    else showView(viewForFile(view, isWide));
  }, [isPhone, isWide, setPanel, showView, view]);
  const showSide = useCallback(
    (tab: SideTab) => {
      setSideTab(tab);
      if (tab === "search") setSearchAsked((count) => count + 1);
      if (isPhone) setPanel(tab);
    },
    [isPhone, setPanel],
  );
  const setSheet = useCallback(
    (sheet: Sheet) => {
      setHalf(sheet === "half");
      setPanel(sheet === "full" ? "" : under);
    },
    [setPanel, under],
  );
  return {
    isPhone,
    isWide,
    view,
    showView,
    showCode,
    sideTab: isPhone && (panel === "files" || panel === "search") ? panel : sideTab,
    showSide,
    searchAsked,
    panel,
    setPanel,
    under: panel === "preview" ? under : panel,
    sheet: panel === "preview" ? "full" : isHalf ? "half" : "down",
    setSheet,
  };
}

/** On a phone the preview is the panel without a name. */
function panelFor(view: View): string {
  if (view === "preview" || view === "both") return "";
  return view;
}
