// The side: files, search, and how many problems there are.
import { Tabs } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../components/icon";
import { type ProblemSources, useProblems } from "./drawer/use-problems";
import styles from "./layout/layout.module.css";
import type { SideTab } from "./layout/use-layout";

const TABS: readonly SideTab[] = ["files", "search"];

interface SidePanelProps {
  tab: SideTab;
  onTab: (tab: SideTab) => void;
  /** Where problems come from: all of them are counted. */
  sources: ProblemSources;
  onProblems: () => void;
  files: ReactNode;
  search: ReactNode;
}

export function SidePanel({ tab, onTab, sources, onProblems, files, search }: SidePanelProps) {
  const { t } = useTranslation("frame");
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
        {sources.validation && <ProblemCount sources={sources} onShow={onProblems} />}
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

/** By itself: it changes as often as the page in the preview has something to say. */
function ProblemCount({ sources, onShow }: { sources: ProblemSources; onShow: () => void }) {
  const { t } = useTranslation("frame");
  const problems = useProblems(sources);
  const count = problems.length;
  const tone = problems.some((problem) => problem.tone === "bad") ? "bad" : count > 0 ? "warn" : "none";
  return (
    <button
      type="button"
      className={styles.problems}
      data-tone={tone}
      title={t("problems", { count })}
      aria-label={t("problems", { count })}
      data-testid="side-problems"
      onClick={onShow}
    >
      <Icon name="warning" />
      {count}
    </button>
  );
}
