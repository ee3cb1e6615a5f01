// The app's name, what strangers see of it, whether everything is saved, who is there, how the preview is; and Publish.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { exportUrl, renameApp } from "../api/calls";
import { asProblem } from "../api/problem";
import type { App } from "../api/types";
import { PaletteButton } from "../commands/palette-button";
import { IconButton, IconLink } from "../components/button";
import { Icon } from "../components/icon";
import { ThemeToggle } from "../components/theme-toggle";
import { PeopleRow } from "./presence/people-row";
import { SaveLabel } from "./save-label";
import { SessionStatusLabel } from "./session/session-status";
import { PublishButton } from "./site/publish-button";
import { Ribbon } from "./site/ribbon";
import styles from "./top-bar.module.css";
import type { WorkspaceHandle } from "./use-workspace";

export function TopBar({ workspace }: { workspace: WorkspaceHandle }) {
  const { t } = useTranslation(["frame", "site"]);
  const { app, draft, state, site, travel, presence, handle } = workspace;
  const going = site.publish.phase !== "idle" || site.publish.active !== undefined;
  return (
    <header className={styles.bar} data-region="top">
      <Link href="/" className={styles.back} aria-label={t("home")} title={t("home")}>
        <Icon name="back" />
      </Link>
      <AppName app={app} />
      <div className={styles.seen}>
        <Ribbon
          app={app}
          live={site.live}
          draftVersion={workspace.draftNow}
          onShowHistory={() => site.showTab("history")}
        />
      </div>
      <SaveLabel save={state.save} onRetry={() => draft.retryNow()} onShowConflict={workspace.openFile} />
      <span className={styles.space} />
      <PeopleRow
        people={presence.people}
        onFollow={({ file, line }) =>
          file !== undefined && workspace.openPlace({ path: file, ...(line !== undefined && { line }) })
        }
      />
      <SessionStatusLabel session={handle.session} />
      <span className={styles.actions}>
        <span className={styles.wideOnly}>
          <IconButton
            icon="undo"
            label={t("undo")}
            data-testid="undo"
            onClick={() => travel.go({ kind: "undo" })}
          />
          <IconButton
            icon="redo"
            label={t("redo")}
            data-testid="redo"
            onClick={() => travel.go({ kind: "redo" })}
          />
        </span>
        <PaletteButton />
        <IconLink icon="download" label={t("export")} href={exportUrl(app.id)} download />
        <ThemeToggle />
        <span className={styles.wideOnly}>
          <IconButton
            icon="history"
            label={t("site:panel.show")}
            aria-expanded={site.shown}
            data-testid="toggle-site"
            onClick={() => (site.shown ? site.hide() : site.showTab("history"))}
          />
        </span>
      </span>
      <PublishButton ref={site.button} going={going} onPublish={site.start} />
    </header>
  );
}

function AppName({ app }: { app: App }) {
  const { t } = useTranslation("frame");
  const queryClient = useQueryClient();
  const [typed, setTyped] = useState<string>();
  const rename = useMutation({
    mutationFn: (name: string) => renameApp(app.id, name),
    onSuccess: (renamed) => {
      queryClient.setQueryData(["app", app.id], renamed);
      void queryClient.invalidateQueries({ queryKey: ["apps"] });
      setTyped(undefined);
    },
  });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    const name = typed?.trim();
    if (name === undefined || name === "" || name === app.name) return setTyped(undefined);
    rename.mutate(name);
  };
  if (typed === undefined) {
    return (
      <h1 className={styles.heading}>
        <button type="button" className={styles.name} title={t("rename")} onClick={() => setTyped(app.name)}>
          {app.name}
        </button>
      </h1>
    );
  }
  return (
    <form className={styles.rename} onSubmit={submit}>
      <input
        className={styles.name}
        aria-label={t("rename")}
        aria-invalid={rename.isError}
        title={rename.error ? asProblem(rename.error).message : undefined}
        // The person just asked to type here.
        // biome-ignore lint/a11y/noAutofocus: as above
        autoFocus
        maxLength={120}
        value={typed}
        disabled={rename.isPending}
        onFocus={(event) => event.target.select()}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => submit()}
        onKeyDown={(event) => event.key === "Escape" && setTyped(undefined)}
      />
      {rename.error && (
        <span role="alert" className={styles.fault}>
          {asProblem(rename.error).title}
        </span>
      )}
    </form>
  );
}
