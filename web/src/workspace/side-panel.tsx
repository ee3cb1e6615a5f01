// The side: files, search, and how many problems there are.
import { Tabs } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../components/icon";
import type { Problems } from "./editor/use-problems";
import styles from "./layout/layout.module.css";
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
    <Tabs.Root value={tab} onValueChange={(next: SideTab) => onTab(next)} className={styles.side}>
      <div className={styles.sideHead}>
        <Tabs.List className={styles.viewTabs} aria-label={t("side")}>
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name} className={styles.viewTab} data-testid={`side-${name}`}>
              {t(`sideTabs.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
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
      <Tabs.Panel value="files" keepMounted className={styles.sidePanel}>
        {files}
      </Tabs.Panel>
      <Tabs.Panel value="search" keepMounted className={styles.sidePanel}>
        {search}
      </Tabs.Panel>
    </Tabs.Root>
  );
}
