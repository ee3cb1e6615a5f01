// The apps there are: open one, or delete it after a question in its own row.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { deleteApp, listApps } from "../api/calls";
import { asProblem } from "../api/problem";
import type { App } from "../api/types";
import { Button, IconButton } from "../components/button";
import { agoOf } from "../components/format";
import { Empty, ProblemNotice } from "../components/notice";
import { strings } from "../strings";
import styles from "./recent-apps.module.css";

const text = strings.home;

export function RecentApps() {
  const apps = useInfiniteQuery({
    queryKey: ["apps"],
    queryFn: ({ pageParam, signal }) => listApps(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
  });
  const items = apps.data?.pages.flatMap((page) => page.items);
  return (
    <section aria-labelledby="recent-apps">
      <h2 id="recent-apps" className={styles.title}>
        {text.recent}
      </h2>
      {apps.isPending && <p className={styles.quiet}>{text.loadingApps}</p>}
      {apps.error && (
        <ProblemNotice
          error={apps.error}
          actions={
            <Button small onClick={() => apps.refetch()}>
              {strings.common.tryAgain}
            </Button>
          }
        />
      )}
      {items?.length === 0 && <Empty title={text.recentEmptyTitle}>{text.recentEmpty}</Empty>}
      <ul className={styles.list}>
        {items?.map((app) => (
          <AppRow key={app.id} app={app} />
        ))}
      </ul>
      {apps.hasNextPage && (
        <Button small disabled={apps.isFetchingNextPage} onClick={() => apps.fetchNextPage()}>
          {text.more}
        </Button>
      )}
    </section>
  );
}

function AppRow({ app }: { app: App }) {
  const [asking, setAsking] = useState(false);
  return (
    <li className={styles.row} data-testid={`app-${app.id}`}>
      <Link href={`/apps/${app.id}`} className={styles.open}>
        <span className={styles.name}>{app.name}</span>
        <span className={styles.quiet}>
          {app.template ?? app.profile.kind} · {agoOf(app.updated_at, Date.now())}
        </span>
      </Link>
      <span className={styles.delete}>
        <IconButton
          icon="trash"
          small
          label={text.deleteApp(app.name)}
          aria-expanded={asking}
          onClick={() => setAsking(!asking)}
        />
      </span>
      {asking && <DeleteQuestion app={app} onKeep={() => setAsking(false)} />}
    </li>
  );
}

function DeleteQuestion({ app, onKeep }: { app: App; onKeep: () => void }) {
  const queryClient = useQueryClient();
  const remove = useMutation({
    // Somebody else may have deleted it already; the result is the same.
    mutationFn: () =>
      deleteApp(app.id).catch((error: unknown) => {
        if (asProblem(error).status !== 404) throw error;
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["apps"] }),
  });
  return (
    <div className={styles.question}>
      <p>{text.confirmDelete(app.name)}</p>
      <Button small look="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>
        {remove.isPending ? text.deleting : text.confirm}
      </Button>
      <Button small onClick={onKeep} autoFocus>
        {text.keep}
      </Button>
      {remove.error && <ProblemNotice error={remove.error} />}
    </div>
  );
}
