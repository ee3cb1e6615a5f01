// What fills the middle: preview, code, both, changes, settings.
import { Tabs } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import styles from "./layout.module.css";
import { VIEWS, type View } from "./views";

interface ViewTabsProps {
  view: View;
  isWide: boolean;
  onView: (view: View) => void;
  children?: ReactNode;
}

export function ViewTabs({ view, isWide, onView, children }: ViewTabsProps) {
  const { t } = useTranslation("frame");
  const views = VIEWS.filter((name) => isWide || name !== "both");
  return (
    <div className={styles.views}>
      <Tabs.Root value={view} onValueChange={(next: View) => onView(next)}>
        <Tabs.List className={styles.viewTabs} aria-label={t("stage")}>
          {views.map((name) => (
            <Tabs.Tab key={name} value={name} className={styles.viewTab} data-testid={`view-${name}`}>
              {t(`views.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs.Root>
      {children}
    </div>
  );
}
