// Everything about the site of one app: what strangers see, publishing, and which part of it is shown.
import { type RefObject, useRef, useState } from "react";
import type { App } from "../../api/types";
import { useUrlState } from "../../components/use-url-state";
import type { DraftSync } from "../draft/draft-sync";
import type { SettingsEdit } from "./settings";
import { type SiteTab, siteTabOf } from "./tabs";
import { type CheckHandle, useCheck } from "./use-check";
import { type Live, useLive } from "./use-live";
import { type PublishHandle, usePublish } from "./use-publish";
import { useSiteCommands } from "./use-site-commands";

interface Layout {
  isPhone: boolean;
  /** On a phone: the panel whose turn it is. */
  panel: string;
  setPanel: (panel: string) => void;
}

export interface Site {
  live: Live;
  publish: PublishHandle;
  check: CheckHandle;
  shown: boolean;
  tab: SiteTab;
  showTab: (tab: SiteTab) => void;
  hide: () => void;
  logOpen: boolean;
  setLogOpen: (open: boolean) => void;
  /** Settings changed and not saved: they outlive their tab. */
  settingsEdit: SettingsEdit | undefined;
  setSettingsEdit: (edit: SettingsEdit | undefined) => void;
  /** Publishes and shows how it goes; while one goes on, shows that. */
  start: () => void;
  /** Where the focus goes when the panel is closed. */
  button: RefObject<HTMLButtonElement | null>;
}

export function useSite(app: App, draft: DraftSync, { isPhone, panel, setPanel }: Layout): Site {
  const [tabName, setTabName] = useUrlState("site");
  const [logName, setLogName] = useUrlState("publish-log");
  const [settingsEdit, setSettingsEdit] = useState<SettingsEdit>();
  const button = useRef<HTMLButtonElement>(null);
  const shown = isPhone ? panel === "site" : siteTabOf(tabName) !== undefined;
  const tab = siteTabOf(tabName) ?? "publish";
  const logOpen = logName === "open";

  const live = useLive(app);
  const publish = usePublish(app.id, draft, shown && tab === "publish" && logOpen);
  const check = useCheck(app.id, draft);

  const showTab = (next: SiteTab) => {
    setTabName(next);
    if (isPhone) setPanel("site");
  };
  const site: Site = {
    live,
    publish,
    check,
    shown,
    tab,
    showTab,
    hide: () => {
      if (isPhone) setPanel("");
      else setTabName("");
      button.current?.focus();
    },
    logOpen,
    setLogOpen: (open) => setLogName(open ? "open" : ""),
    settingsEdit,
    setSettingsEdit,
    start: () => {
      showTab("publish");
      if (publish.active) publish.show(undefined);
      else publish.start();
    },
    button,
  };
  useSiteCommands(app, site);
  return site;
}
