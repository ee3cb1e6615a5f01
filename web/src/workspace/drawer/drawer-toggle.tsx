// Opens and closes the drawer; says how many problems wait in it.
import { useTranslation } from "react-i18next";
import { useCommands } from "../../commands/commands";
import { Button } from "../../components/button";
import styles from "./drawer.module.css";
import { DRAWER_TABS } from "./tabs";
import type { DrawerHandle } from "./use-drawer";
import { type ProblemSources, useProblems } from "./use-problems";

export function DrawerToggle({ drawer, ...sources }: ProblemSources & { drawer: DrawerHandle }) {
  const { t } = useTranslation("drawer");
  const problems = useProblems(sources);
  const { shown, show, hide, button } = drawer;
  const count = problems.length;
  const section = t("label");
  useCommands([
    {
      id: "drawer.toggle",
      title: t(shown ? "hide" : "show"),
      section,
      keys: "Mod+J",
      run: () => (shown ? hide() : show()),
    },
    ...DRAWER_TABS.map((tab) => ({
      id: `drawer.${tab}`,
      title: t("showTab", { tab: t(`tabs.${tab}`) }),
      section,
      run: () => show(tab),
    })),
  ]);
  return (
    <span className={styles.toggles}>
      {count > 0 && (
        <Button
          small
          data-tone={problems.some(({ tone }) => tone === "bad") ? "bad" : "warn"}
          onClick={() => show("problems")}
          data-testid="problem-count"
        >
          {t("problemCount", { count })}
        </Button>
      )}
      <Button
        small
        ref={button}
        aria-expanded={shown}
        onClick={() => (shown ? hide() : show())}
        data-testid="toggle-logs"
      >
        {t(shown ? "hide" : "show")}
      </Button>
    </span>
  );
}
