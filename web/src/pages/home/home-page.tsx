// Start something new, or open what is there.
import { useDeferredValue, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useCommands } from "../../commands/commands";
import { IconButton } from "../../components/button";
import { Icon } from "../../components/icon";
import { useUrlState } from "../../components/use-url-state";
import { ImportDrop } from "../import/import-drop";
import { PageFrame, PageTitle } from "../page-frame";
import { FirstHint } from "./first-hint";
import styles from "./home-page.module.css";
import { NewApp } from "./new-app";
import { RecentApps } from "./recent-apps";

export default function HomePage() {
  const { t } = useTranslation("home");
  const [typed, setTyped] = useUrlState("q");
  const query = useDeferredValue(typed);
  return (
    <PageFrame page="home" title="Vitrine">
      <PageTitle title={t("title")} actions={<Search query={typed} onQuery={setTyped} />}>
        <p>{t("lead")}</p>
      </PageTitle>
      <FirstHint />
      <div className={styles.columns}>
        <NewApp query={query} />
        <aside className={styles.aside} aria-label={t("recent")}>
          <RecentApps query={query} />
          <ImportDrop />
        </aside>
      </div>
    </PageFrame>
  );
}

function Search({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const { t } = useTranslation(["home", "palette"]);
  const input = useRef<HTMLInputElement>(null);
  useCommands([
    {
      id: "home.search",
      title: t("search"),
      section: t("palette:pages.home"),
      keys: "/",
      run: () => input.current?.focus(),
    },
  ]);
  const clear = () => {
    onQuery("");
    input.current?.focus();
  };
  return (
    <search className={styles.search}>
      <Icon name="search" />
      <input
        ref={input}
        type="text"
        enterKeyHint="search"
        aria-label={t("search")}
        placeholder={t("search")}
        value={query}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && clear()}
        data-testid="search"
      />
      {query !== "" && <IconButton small icon="close" label={t("clearSearch")} onClick={clear} />}
    </search>
  );
}
