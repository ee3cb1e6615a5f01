// The side: files, search, and how many problems there are.
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../components/icon";
import { type ProblemSources, useProblems } from "./drawer/use-problems";
import styles from "./layout/layout.module.css";
import { TabList } from "./layout/tab-list";
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
        {sources.validation && <ProblemCount sources={sources} onShow={onProblems} />}
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
