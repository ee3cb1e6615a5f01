// One app: open it, or unfold what else can be done with it, in its own row.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { exportUrl, renameApp } from "../../api/calls";
import type { App } from "../../api/types";
import { Button, IconButton } from "../../components/button";
import buttonStyles from "../../components/button.module.css";
import { dateTimeOf, shortAgoOf } from "../../components/format";
import { ProblemNotice } from "../../components/notice";
import { addressOf } from "../../workspace/site/ribbon-text";
import { useDeletion } from "./deletion";
import styles from "./recent-apps.module.css";

export function AppRow({ app, now }: { app: App; now: number }) {
  const { t } = useTranslation("home");
  const [isOpen, setOpen] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  const close = () => {
    setOpen(false);
    row.current?.querySelector("button")?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isOpen) close();
  };
  return (
    <li
      ref={row}
      className={styles.row}
      data-open={isOpen}
      data-testid={`app-${app.id}`}
      onKeyDown={onKeyDown}
    >
      <div className={styles.line}>
        <Link href={`/apps/${app.id}`} className={styles.open}>
          <span className={styles.name}>{app.name}</span>
          <Facts app={app} now={now} />
        </Link>
        <span className={styles.more}>
          <IconButton
            icon="more"
            small
            label={t("appActions", { name: app.name })}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          />
        </span>
      </div>
      {isOpen && <Actions app={app} onDone={close} />}
    </li>
  );
}

/** What strangers see of it, how its preview is, and when it was changed. */
function Facts({ app, now }: { app: App; now: number }) {
  const { t } = useTranslation(["home", "common"]);
  const isLive = app.status === "published";
  return (
    <span className={styles.facts}>
      <span className={styles.state} data-live={isLive}>
        {isLive ? t("live") : t("draftOnly")}
      </span>
      {app.session_status !== undefined && (
        <span className={styles.session} data-status={app.session_status}>
          · {t(`common:session.${app.session_status}`)}
        </span>
      )}
      <time dateTime={app.updated_at} title={dateTimeOf(app.updated_at)}>
        · {shortAgoOf(app.updated_at, now)}
      </time>
    </span>
  );
}

function Actions({ app, onDone }: { app: App; onDone: () => void }) {
  const { t } = useTranslation("home");
  const [asked, setAsked] = useState<"rename" | "delete">();
  const { doom } = useDeletion();
  if (asked === "rename") return <Rename app={app} onDone={onDone} />;
  if (asked === "delete") return <LiveQuestion app={app} onKeep={onDone} />;
  const isLive = app.status === "published";
  const link = `${buttonStyles.button} ${buttonStyles.small}`;
  return (
    <div className={styles.actions}>
      {app.published_url !== undefined && (
        <a className={link} href={app.published_url} target="_blank" rel="noreferrer">
          {t("actions.site")}
        </a>
      )}
      <Button small onClick={() => setAsked("rename")}>
        {t("actions.rename")}
      </Button>
      <Link className={link} href={`/apps/${app.id}/settings`}>
        {t("actions.settings")}
      </Link>
      <a className={link} href={exportUrl(app.id)} download>
        {t("actions.export")}
      </a>
      <Button
        small
        look="danger"
        aria-label={t("deleteApp", { name: app.name })}
        onClick={() => (isLive ? setAsked("delete") : doom(app))}
      >
        {t("actions.delete")}
      </Button>
    </div>
  );
}

/** What strangers see is not taken away by one slip of a finger. */
function LiveQuestion({ app, onKeep }: { app: App; onKeep: () => void }) {
  const { t } = useTranslation("home");
  const { doom } = useDeletion();
  const address = addressOf(app.published_url ?? app.slug);
  return (
    <div className={styles.actions}>
      <p>{t("deleteLive", { name: app.name, address })}</p>
      <Button small look="danger" onClick={() => doom(app)}>
        {t("deleteYes")}
      </Button>
      <Button small onClick={onKeep} autoFocus>
        {t("keep")}
      </Button>
    </div>
  );
}

function Rename({ app, onDone }: { app: App; onDone: () => void }) {
  const { t } = useTranslation(["home", "common"]);
  const [name, setName] = useState(app.name);
  const queryClient = useQueryClient();
  const rename = useMutation({
    mutationFn: (wanted: string) => renameApp(app.id, wanted),
    onSuccess: async (renamed) => {
      queryClient.setQueryData(["app", app.id], renamed);
      await queryClient.invalidateQueries({ queryKey: ["apps"] });
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    if (wanted === app.name) onDone();
    else if (wanted !== "") rename.mutate(wanted);
  };
  return (
    <form className={styles.actions} onSubmit={submit} aria-label={t("renameApp", { name: app.name })}>
      <div className={styles.rename}>
        <input
          aria-label={t("newName")}
          value={name}
          maxLength={120}
          // biome-ignore lint/a11y/noAutofocus: the person just asked to type here
          autoFocus
          onFocus={(event) => event.target.select()}
          onChange={(event) => setName(event.target.value)}
        />
        <Button small type="submit" look="primary" disabled={rename.isPending || name.trim() === ""}>
          {rename.isPending ? t("common:saving") : t("common:save")}
        </Button>
        <Button small onClick={onDone}>
          {t("common:cancel")}
        </Button>
      </div>
      {rename.error && <ProblemNotice error={rename.error} />}
    </form>
  );
}
