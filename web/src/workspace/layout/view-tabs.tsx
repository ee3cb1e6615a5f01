// What fills the middle: preview, code, both, changes, settings.
import { useTranslation } from "react-i18next";
import styles from "./layout.module.css";
import { TabList } from "./tab-list";
import { VIEWS, type View } from "./views";

interface ViewTabsProps {
  view: View;
  isWide: boolean;
  onView: (view: View) => void;
}

export function ViewTabs({ view, isWide, onView }: ViewTabsProps) {
  const { t } = useTranslation("frame");
  return (
    <div className={styles.views}>
      <TabList
        label={t("stage")}
        names={VIEWS.filter((name) => isWide || name !== "both")}
        shown={view}
        wordsFor={(name) => t(`views.${name}`)}
        onShow={onView}
        mark="view"
      />
    </div>
  );
}
