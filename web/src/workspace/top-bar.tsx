// The app's name, whether everything is saved, and how the preview is.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { exportUrl, renameApp } from "../api/calls";
import { asProblem } from "../api/problem";
import type { App, SessionView } from "../api/types";
import { IconLink } from "../components/button";
import { Icon } from "../components/icon";
import { ThemeToggle } from "../components/theme-toggle";
import { strings } from "../strings";
import type { SaveState } from "./draft/draft-state";
import { SaveLabel } from "./save-label";
import { SessionStatusLabel } from "./session/session-status";
import styles from "./top-bar.module.css";

interface TopBarProps {
  app: App;
  save: SaveState;
  session: SessionView | undefined;
  onRetrySave: () => void;
  onShowConflict: (path: string) => void;
}

export function TopBar({ app, save, session, onRetrySave, onShowConflict }: TopBarProps) {
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
      <SaveLabel save={save} onRetry={onRetrySave} onShowConflict={onShowConflict} />
      <span className={styles.space} />
      <SessionStatusLabel session={session} />
      <span className={styles.actions}>
        <IconLink icon="download" label={strings.workspace.export} href={exportUrl(app.id)} download />
        <ThemeToggle />
      </span>
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
