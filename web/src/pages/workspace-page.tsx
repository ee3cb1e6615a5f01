// One app, by its id in the URL.
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "wouter";
import { getApp, listTemplates } from "../api/calls";
import { asProblem } from "../api/problem";
import { Button } from "../components/button";
import { Empty, ProblemNotice } from "../components/notice";
import { strings } from "../strings";
import { Workspace } from "../workspace/workspace";
import styles from "./workspace-page.module.css";

const text = strings.workspace;

export default function WorkspacePage({ appId }: { appId: string }) {
  const app = useQuery({ queryKey: ["app", appId], queryFn: ({ signal }) => getApp(appId, signal) });
  const templates = useQuery({
    queryKey: ["templates"],
    queryFn: ({ signal }) => listTemplates(signal),
    staleTime: 60_000,
  });
  const name = app.data?.name;
  useEffect(() => {
    document.title = name === undefined ? strings.product : `${name} · ${strings.product}`;
  }, [name]);

  if (app.data) {
    const template = templates.data?.items.find(({ key }) => key === app.data.template);
    return <Workspace app={app.data} entryFile={template?.entry_file} />;
  }
  return (
    <main className={styles.middle}>
      {app.isPending && <p>{text.loading}</p>}
      {app.error && asProblem(app.error).status === 404 && (
        <Empty title={text.notFoundTitle} actions={<Link href="/">{text.home}</Link>}>
          {text.notFound}
        </Empty>
      )}
      {app.error && asProblem(app.error).status !== 404 && (
        <ProblemNotice
          error={app.error}
          actions={
            <Button small onClick={() => app.refetch()}>
              {strings.common.tryAgain}
            </Button>
          }
        />
      )}
    </main>
  );
}
