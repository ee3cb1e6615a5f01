// All about the site beside the editor, which goes on meanwhile: publishing, problems, history, settings.

import { type KeyboardEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { App } from "../../api/types";
import { IconButton } from "../../components/button";
import type { Places } from "./failure";
import { HistoryTab } from "./history-tab";
import { ProblemsTab } from "./problems-tab";
import { PublishTab } from "./publish-tab";
import { SettingsTab } from "./settings-tab";
import styles from "./site.module.css";
import { SITE_TABS, type SiteTab } from "./tabs";
import type { Site } from "./use-site";

interface SitePanelProps {
  app: App;
  site: Site;
  draftVersion: number;
  places: Places;
}

export function SitePanel(props: SitePanelProps) {
  const { t } = useTranslation("site");
  const { tab, showTab, hide, check } = props.site;
  const { validation } = check.result ?? {};
  const problems = validation ? validation.faults.length + validation.warnings.length : 0;
  const onKeyDown = (event: KeyboardEvent) => {
    // In a text it would throw away what was typed.
    if (event.key === "Escape" && !(event.target instanceof HTMLTextAreaElement)) hide();
  };
  return (
    <section
      className={styles.panel}
      aria-label={t("panel.label")}
      data-testid="site-panel"
      onKeyDown={onKeyDown}
    >
      <header className={styles.header}>
        <TabList tab={tab} onTab={showTab} problems={problems} />
        <span className={styles.close}>
          <IconButton small icon="close" label={t("panel.hide")} onClick={hide} />
        </span>
      </header>
      <div className={styles.body} role="tabpanel" id="site-tabpanel" aria-labelledby={`site-tab-${tab}`}>
        <Content {...props} />
      </div>
    </section>
  );
}

function Content({ app, site, draftVersion, places }: SitePanelProps) {
  const { tab, showTab, publish, check } = site;
  const toProblems = () => {
    showTab("problems");
    check.run();
  };
  const showPublish = (id: string) => {
    publish.show(id);
    showTab("publish");
  };
  if (tab === "problems") return <ProblemsTab check={check} draftVersion={draftVersion} places={places} />;
  if (tab === "settings")
    return <SettingsTab app={app.id} edit={site.settingsEdit} onEdit={site.setSettingsEdit} />;
  if (tab === "history") {
    return <HistoryTab app={app} publishes={publish.list} onShowPublish={showPublish} />;
  }
  return (
    <PublishTab
      app={app}
      publish={publish}
      places={places}
      logOpen={site.logOpen}
      onLog={site.setLogOpen}
      onCheck={toProblems}
    />
  );
}

interface TabListProps {
  tab: SiteTab;
  onTab: (tab: SiteTab) => void;
  problems: number;
}

function TabList({ tab, onTab, problems }: TabListProps) {
  const { t } = useTranslation("site");
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step === undefined ? undefined : SITE_TABS[SITE_TABS.indexOf(tab) + step];
    if (next === undefined) return;
    event.preventDefault();
    onTab(next);
    list.current?.querySelector<HTMLElement>(`#site-tab-${next}`)?.focus();
  };
  return (
    <div ref={list} className={styles.tabs} role="tablist" aria-label={t("panel.tabsLabel")}>
      {SITE_TABS.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`site-tab-${name}`}
          aria-selected={name === tab}
          aria-controls="site-tabpanel"
          tabIndex={name === tab ? 0 : -1}
          data-testid={`site-tab-${name}`}
          onClick={() => onTab(name)}
          onKeyDown={onKeyDown}
        >
          {t(`panel.tabs.${name}`)}
          {name === "problems" && problems > 0 && (
            <span className={styles.count} title={t("panel.problemCount", { count: problems })}>
              {problems}
            </span>
          )}
        </button>
      ))}
    </div>
  );
}
