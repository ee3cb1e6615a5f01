// One app, by its id in the URL.
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { getApp, listTemplates } from "../api/calls";
import { asProblem } from "../api/problem";
import { Button } from "../components/button";
import { Empty, ProblemNotice } from "../components/notice";
import { Workspace } from "../workspace/workspace";
import styles from "./workspace-page.module.css";

export default function WorkspacePage({ appId }: { appId: string }) {
  const { t } = useTranslation("common");
  const app = useQuery({ queryKey: ["app", appId], queryFn: ({ signal }) => getApp(appId, signal) });
  const templates = useQuery({
    queryKey: ["templates"],
    queryFn: ({ signal }) => listTemplates(signal),
    staleTime: 60_000,
  });
  const name = app.data?.name;
  useEffect(() => {
    document.title = name === undefined ? "Vitrine" : `${name} · Vitrine`;
  }, [name]);

  if (app.data) {
    const template = templates.data?.items.find(({ key }) => key === app.data.template);
    return <Workspace app={app.data} entryFile={template?.entry_file} />;
  }
  return (
    <main className={styles.middle}>
      {app.isPending && <p>{t("app.loading")}</p>}
      {app.error && asProblem(app.error).status === 404 && (
        <Empty title={t("app.notFoundTitle")} actions={<Link href="/">{t("home")}</Link>}>
          {t("app.notFound")}
        </Empty>
      )}
      {app.error && asProblem(app.error).status !== 404 && (
        <ProblemNotice
          error={app.error}
          actions={
            <Button small onClick={() => app.refetch()}>
              {t("tryAgain")}
            </Button>
          }
        />
      )}
    </main>
  );
}
