// The apps there are, with what is live and how their previews are.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { App } from "../../api/types";
import { found } from "../../commands/ranking";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { Empty, ProblemNotice } from "../../components/notice";
import { useKeptFocus } from "../../components/use-kept-focus";
import { useNow } from "../../components/use-now";
import { AppRow } from "./app-row";
import { useDoomed } from "./deletion";
import styles from "./recent-apps.module.css";
import { useApps } from "./use-apps";

const TICK_MS = 20_000;

export function RecentApps({ query }: { query: string }) {
  const { t } = useTranslation(["home", "common"]);
  const apps = useApps();
  const doomed = useDoomed();
  const now = useNow(TICK_MS);
  const part = useKeptFocus<HTMLElement>();
  const all = useMemo(() => apps.data?.pages.flatMap((page) => page.items) ?? [], [apps.data]);
  const items = useFound(all, query).filter(({ id }) => !doomed.has(id));
  const isSearch = query.trim() !== "";
  return (
    <section ref={part} className={styles.apps} tabIndex={-1} aria-labelledby="recent-apps">
      <h2 id="recent-apps" className={styles.title}>
        {t("recent")}
      </h2>
      {apps.isPending && <p className={card.quiet}>{t("loadingApps")}</p>}
      {apps.error && (
        <ProblemNotice
          error={apps.error}
          actions={
            <Button small onClick={() => apps.refetch()}>
              {t("common:tryAgain")}
            </Button>
          }
        />
      )}
      {apps.isSuccess && items.length === 0 && !isSearch && (
        <Empty isQuiet title={t("recentEmptyTitle")}>
          {t("recentEmpty")}
        </Empty>
      )}
      {apps.isSuccess && items.length === 0 && isSearch && (
        <p className={card.quiet}>{t("searchNone", { query: query.trim() })}</p>
      )}
      {items.length > 0 && (
        <ul className={styles.list}>
          {items.map((app) => (
            <AppRow key={app.id} app={app} now={now} />
          ))}
        </ul>
      )}
      {apps.hasNextPage && isSearch && <p className={card.quiet}>{t("moreToSearch")}</p>}
      {apps.hasNextPage && (
        <Button small disabled={apps.isFetchingNextPage} onClick={() => apps.fetchNextPage()}>
          {t("moreApps")}
        </Button>
      )}
    </section>
  );
}

function useFound(apps: readonly App[], query: string): App[] {
  return useMemo(() => {
    const findable = apps.map((app) => ({
      title: app.name,
      section: [app.slug, app.template ?? "", app.profile.kind].join(" "),
      app,
    }));
    return found(findable, query).map(({ app }) => app);
  }, [apps, query]);
}
