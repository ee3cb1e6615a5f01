// The app's name, what strangers see of it, whether everything is saved, how the preview is; and Publish.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { exportUrl, renameApp } from "../api/calls";
import { asProblem } from "../api/problem";
import type { App, SessionView } from "../api/types";
import { IconButton, IconLink } from "../components/button";
import { Icon } from "../components/icon";
import { ThemeToggle } from "../components/theme-toggle";
import { strings } from "../strings";
import type { SaveState } from "./draft/draft-state";
import { SaveLabel } from "./save-label";
import { SessionStatusLabel } from "./session/session-status";
import { PublishButton } from "./site/publish-button";
import { Ribbon } from "./site/ribbon";
import type { Site } from "./site/use-site";
import styles from "./top-bar.module.css";

interface TopBarProps {
  app: App;
  save: SaveState;
  session: SessionView | undefined;
  site: Site;
  draftVersion: number;
  onRetrySave: () => void;
  onShowConflict: (path: string) => void;
}

export function TopBar(props: TopBarProps) {
  const { app, save, session, site, draftVersion, onRetrySave, onShowConflict } = props;
  const going = site.publish.phase !== "idle" || site.publish.active !== undefined;
  return (
    <header className={styles.bar}>
      <Link
        href="/"
        className={styles.back}
        aria-label={strings.workspace.home}
        title={strings.workspace.home}
      >
        <Icon name="back" />
      </Link>
      <AppName app={app} />
      <div className={styles.seen}>
        <Ribbon
          app={app}
          live={site.live}
          draftVersion={draftVersion}
          onShowHistory={() => site.showTab("history")}
        />
      </div>
      <SaveLabel save={save} onRetry={onRetrySave} onShowConflict={onShowConflict} />
      <span className={styles.space} />
      <SessionStatusLabel session={session} />
      <span className={styles.actions}>
        <IconLink icon="download" label={strings.workspace.export} href={exportUrl(app.id)} download />
        <ThemeToggle />
        <span className={styles.toggle}>
          <IconButton
            icon="history"
            label={strings.site.show}
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
      <button
        type="button"
        className={styles.name}
        title={strings.workspace.rename}
        onClick={() => setTyped(app.name)}
      >
        {app.name}
      </button>
    );
  }
  return (
    <form className={styles.rename} onSubmit={submit}>
      <input
        className={styles.name}
        aria-label={strings.workspace.rename}
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
