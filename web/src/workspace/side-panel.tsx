// The side: files, search, and how many problems there are.
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../components/icon";
import type { Problems } from "./editor/use-problems";
import styles from "./layout/layout.module.css";
import { TabList } from "./layout/tab-list";
import type { SideTab } from "./layout/use-layout";

const TABS: readonly SideTab[] = ["files", "search"];

interface SidePanelProps {
  tab: SideTab;
  onTab: (tab: SideTab) => void;
  problems: Problems;
  onProblems: () => void;
  files: ReactNode;
  search: ReactNode;
}

export function SidePanel({ tab, onTab, problems, onProblems, files, search }: SidePanelProps) {
  const { t } = useTranslation("frame");
  const count = problems.faults + problems.warnings;
  return (
    <div className={styles.side}>
      <div className={styles.sideHead}>
        <TabList
          label={t("side")}
          names={TABS}
          shown={tab}
          wordsFor={(name) => t(`sideTabs.${name}`)}
          onShow={onTab}
          mark="side"
        />
        {problems.isKnown && (
          <button
            type="button"
            className={styles.problems}
            data-tone={problems.faults > 0 ? "bad" : problems.warnings > 0 ? "warn" : "none"}
            title={t("problems", { count })}
            aria-label={t("problems", { count })}
            data-testid="side-problems"
            onClick={onProblems}
          >
            <Icon name="warning" />
            {count}
          </button>
        )}
      </div>
      <div
        role="tabpanel"
        aria-label={t("sideTabs.files")}
        hidden={tab !== "files"}
        className={styles.sidePanel}
      >
        {files}
      </div>
      <div
        role="tabpanel"
        aria-label={t("sideTabs.search")}
        hidden={tab !== "search"}
        className={styles.sidePanel}
      >
        {search}
      </div>
    </div>
  );
}
