// An app's name and address, how it runs, and its end.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { updateApp } from "../../api/settings-calls";
import type { App } from "../../api/types";
import { Ask } from "../../components/ask";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { TextField } from "../../components/field";
import { ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { useDeletion } from "../../pages/home/deletion";
import { addressOf } from "../site/ribbon-text";
import { ProfileForm } from "./profile-form";
import type { SettingsPartProps } from "./settings-panel";

export default function General({ app }: SettingsPartProps) {
  return (
    <>
      <NameForm app={app} />
      <ProfileForm app={app} />
      <Deletion app={app} />
    </>
  );
}

function NameForm({ app }: { app: App }) {
  const { t } = useTranslation(["settings", "common"]);
  const queryClient = useQueryClient();
  // Undefined while nothing was typed: then what somebody else sets is shown as it comes.
  const [name, setName] = useState<string>();
  const [slug, setSlug] = useState<string>();
  const change = {
    ...(name !== undefined && name.trim() !== app.name && { name: name.trim() }),
    ...(slug !== undefined && slug.trim() !== app.slug && { slug: slug.trim() }),
  };
  const isChanged = Object.keys(change).length > 0;
  const save = useMutation({
    mutationFn: () => updateApp(app.id, change),
    onSuccess: (saved) => {
      queryClient.setQueryData(["app", app.id], { ...app, ...saved });
      for (const kind of ["apps", "app", "releases"])
        void queryClient.invalidateQueries({ queryKey: kind === "apps" ? [kind] : [kind, app.id] });
      setName(undefined);
      setSlug(undefined);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isChanged && !save.isPending) save.mutate();
  };
  return (
    <Section title={t("general.title")} testId="settings-name">
      <form className={rows.form} onSubmit={submit}>
        <TextField
          label={t("general.name")}
          value={name ?? app.name}
          onText={setName}
          required
          maxLength={120}
        />
        <TextField
          label={t("general.slug")}
          hint={t("general.slugHint")}
          isCode
          value={slug ?? app.slug}
          onText={setSlug}
          required
        />
        {app.site_url !== undefined && (
          <p className={card.quiet}>{t("general.siteAt", { address: addressOf(app.site_url) })}</p>
        )}
        {save.error && <ProblemNotice error={save.error} />}
        <div className={rows.actions}>
          {/* Never disabled: that would take the focus from whoever just saved. */}
          <Button small type="submit" look={isChanged ? "primary" : "plain"} aria-disabled={!isChanged}>
            {save.isPending ? t("common:saving") : t("common:save")}
          </Button>
          <span role="status" className={card.quiet}>
            {save.isSuccess && !isChanged && t("common:saved")}
          </span>
        </div>
      </form>
    </Section>
  );
}

function Deletion({ app }: { app: App }) {
  const { t } = useTranslation("settings");
  const [, navigate] = useLocation();
  const { doom } = useDeletion();
  const isLive = app.status === "published";
  const address = addressOf(app.published_url ?? app.site_url ?? app.slug);
  return (
    <Section title={t("general.deleteTitle")} hint={t("general.deleteHint")}>
      <div className={rows.actions}>
        <Ask
          words={t("general.delete")}
          label={t("general.delete")}
          question={isLive ? t("general.deleteLive", { address }) : t("general.deleteHint")}
          isPending={false}
          error={null}
          onYes={() => {
            doom(app);
            navigate("/");
          }}
        />
      </div>
    </Section>
  );
}
