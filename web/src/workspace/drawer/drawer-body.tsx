// The drawer's tabs with their counts; each tab is loaded when it is looked at first.
import { Tabs } from "@base-ui/react/tabs";
import { type KeyboardEvent, lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../components/button";
import { usePreviewPart } from "../preview/use-stage";
import type { DrawerProps } from "./drawer";
import styles from "./drawer.module.css";
import type { ProblemView } from "./problems";
import { DRAWER_TABS, type DrawerTab, drawerTabOf } from "./tabs";
import { useProblems } from "./use-problems";

const ProblemsTab = lazy(() =>
  import("./problems-tab").then(({ ProblemsTab }) => ({ default: ProblemsTab })),
);
const ConsoleTab = lazy(() => import("./console-tab").then(({ ConsoleTab }) => ({ default: ConsoleTab })));
const NetworkTab = lazy(() => import("./network-tab").then(({ NetworkTab }) => ({ default: NetworkTab })));
const ServerTab = lazy(() => import("./server-tab").then(({ ServerTab }) => ({ default: ServerTab })));
const BuildTab = lazy(() => import("./build-tab").then(({ BuildTab }) => ({ default: BuildTab })));
const TerminalTab = lazy(() =>
  import("../terminal/terminal-tab").then(({ TerminalTab }) => ({ default: TerminalTab })),
);

/** More is not read as a number. */
const MAX_COUNT = 99;

export function DrawerBody(props: DrawerProps) {
  const { t } = useTranslation("drawer");
  const { drawer } = props;
  const { tab, show, hide } = drawer;
  const problems = useProblems(props);
  const counts = useCounts(props, problems);
  const choose = (name: unknown) => {
    const chosen = drawerTabOf(String(name));
    if (chosen) show(chosen);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // In a text it means something else, and a popup takes its own.
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key === "Escape" && !isTyping && !event.defaultPrevented) hide();
  };
  return (
    <Tabs.Root className={styles.root} value={tab} onValueChange={choose} onKeyDown={onKeyDown}>
      <header className={styles.header}>
        <Tabs.List className={styles.tabs} aria-label={t("label")}>
          {DRAWER_TABS.map((name) => (
            <Tabs.Tab key={name} value={name} className={styles.tab} data-testid={`drawer-${name}`}>
              {t(`tabs.${name}`)}
              <Count count={counts[name]} bad={name === "problems" || name === "console"} />
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <span className={styles.close}>
          <IconButton small icon="close" label={t("hide")} onClick={hide} />
        </span>
      </header>
      {DRAWER_TABS.map((name) => (
        <Tabs.Panel key={name} value={name} className={styles.panel}>
          <Suspense fallback={<p className={styles.quiet}>{t("loading")}</p>}>
            <Content tab={name} problems={problems} {...props} />
          </Suspense>
        </Tabs.Panel>
      ))}
    </Tabs.Root>
  );
}

function Content({
  tab,
  problems,
  ...props
}: DrawerProps & { tab: DrawerTab; problems: readonly ProblemView[] }) {
  const { app, handle, stage, site, places } = props;
  if (tab === "problems") return <ProblemsTab problems={problems} {...props} />;
  if (tab === "console") return <ConsoleTab stage={stage} places={places} />;
  if (tab === "network") return <NetworkTab stage={stage} />;
  if (tab === "server") return <ServerTab app={app} handle={handle} />;
  if (tab === "build") return <BuildTab app={app} site={site} />;
  return <TerminalTab app={app} />;
}

function useCounts(
  { stage }: DrawerProps,
  problems: readonly ProblemView[],
): Partial<Record<DrawerTab, number>> {
  const errors = usePreviewPart(stage, (log) => log.console.filter(({ level }) => level === "error").length);
  const requests = usePreviewPart(stage, (log) => log.network.length);
  return { problems: problems.length, console: errors, network: requests };
}

function Count({ count = 0, bad }: { count: number | undefined; bad: boolean }) {
  const { t } = useTranslation("drawer");
  if (count === 0) return null;
  return (
    <span className={styles.count} data-tone={bad ? "bad" : undefined}>
      {count > MAX_COUNT ? t("many", { count: MAX_COUNT }) : count}
    </span>
  );
}
