// Everything that can be set for one app. Each part is loaded when it is looked at.
import { type ComponentType, lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { App } from "../../api/types";
import { useCommands } from "../../commands/commands";
import card from "../../components/card.module.css";
import { CrashGuard } from "../../components/crash-guard";
import { loadArea } from "../../i18n/i18n";
import styles from "./settings-panel.module.css";
import { SETTINGS_TABS, type SettingsTabName, settingsTabOf } from "./settings-tabs";

// Whoever imports the panel waits for its words.
await loadArea("settings");

export interface SettingsPartProps {
  app: App;
}

const PARTS: Record<SettingsTabName, ComponentType<SettingsPartProps>> = {
  general: lazy(() => import("./general")),
  secrets: lazy(() => import("./secrets")),
  hosting: lazy(() => import("./hosting")),
  links: lazy(() => import("./preview-links")),
  egress: lazy(() => import("./egress")),
  session: lazy(() => import("./session")),
  visits: lazy(() => import("./visits")),
};

interface SettingsPanelProps {
  app: App;
  /** As it stands in the URL; empty is the first one. */
  tab: string;
  onTab: (tab: string) => void;
  /** True on a page of its own, which has margins. */
  isPage?: boolean;
}

export function SettingsPanel({ app, tab, onTab, isPage = false }: SettingsPanelProps) {
  const { t } = useTranslation(["settings", "common"]);
  const shown = settingsTabOf(tab);
  const Part = PARTS[shown];
  useCommands(
    SETTINGS_TABS.map((name) => ({
      id: `settings.${name}`,
      title: t(`tabs.${name}`),
      section: t("label"),
      run: () => onTab(name),
    })),
  );
  return (
    <section className={styles.panel} data-page={isPage} aria-label={t("label")} data-testid="settings-panel">
      <nav className={styles.nav} aria-label={t("nav")}>
        {SETTINGS_TABS.map((name) => (
          <button
            key={name}
            type="button"
            aria-current={name === shown ? "page" : undefined}
            onClick={() => onTab(name)}
            data-testid={`settings-tab-${name}`}
          >
            {t(`tabs.${name}`)}
          </button>
        ))}
      </nav>
      <div className={styles.part}>
        <CrashGuard key={shown} isPart>
          <Suspense
            fallback={
              <p className={card.quiet} role="status">
                {t("common:loading")}
              </p>
            }
          >
            <Part key={app.id} app={app} />
          </Suspense>
        </CrashGuard>
      </div>
    </section>
  );
}
