// Links that show the draft to people without an account.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { createPreviewLink, deletePreviewLink, listPreviewLinks } from "../../api/settings-calls";
import type { NewPreviewLink, PreviewLink } from "../../api/settings-types";
import { Button } from "../../components/button";
import { type Expiry, ExpiryChoice, secondsOf } from "../../components/expiry-choice";
import { TextField } from "../../components/field";
import { agoOf, dateTimeOf, untilOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty, ProblemNotice } from "../../components/notice";
import { Once } from "../../components/once";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { showToast } from "../../components/toast";
import type { SettingsPartProps } from "./settings-panel";

const EXPIRIES: readonly Expiry[] = ["hour", "day", "week", "month"];

const keyOf = (app: string) => ["preview-links", app];

export default function PreviewLinks({ app }: SettingsPartProps) {
  const { t } = useTranslation("settings");
  const links = useQuery({
    queryKey: keyOf(app.id),
    queryFn: ({ signal }) => listPreviewLinks(app.id, signal),
  });
  return (
    <Section title={t("links.title")} hint={t("links.hint")} testId="preview-links">
      <Loaded query={links} loading={t("links.loading")}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty isQuiet title={t("links.none")}>
              {t("links.noneHint")}
            </Empty>
          ) : (
            <ul className={rows.rows}>
              {items.map((link) => (
                <Row key={link.id} app={app.id} link={link} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <LinkForm app={app.id} />
    </Section>
  );
}

function Row({ app, link }: { app: string; link: PreviewLink }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const take = useMutation({
    mutationFn: () => deletePreviewLink(app, link.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keyOf(app) });
      showToast({ title: t("links.taken") });
    },
  });
  const now = Date.now();
  const name = link.label || t("links.unnamed");
  const isOver = Date.parse(link.expires_at) <= now;
  const facts = [
    isOver
      ? t("links.ended", { ago: agoOf(link.expires_at, now) })
      : t("links.ends", { until: untilOf(link.expires_at, now) }),
    t("links.visits", { count: link.visits }),
    link.has_password && t("links.withPassword"),
  ];
  return (
    <li className={rows.row}>
      <span className={rows.words}>
        <span className={rows.name}>{name}</span>
        <span className={rows.facts} title={dateTimeOf(link.expires_at)}>
          {facts.filter(Boolean).join(" · ")}
        </span>
      </span>
      <Button
        small
        aria-label={t("links.takeLabel", { name })}
        disabled={take.isPending}
        onClick={() => take.mutate()}
      >
        {t("links.take")}
      </Button>
      {take.error && <ProblemNotice error={take.error} />}
    </li>
  );
}

/** Whether an address means the machine it is opened on. */
function isLocal(url: string): boolean {
  return /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);
}

function LinkForm({ app }: { app: string }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const [label, setLabel] = useState("");
  const [password, setPassword] = useState("");
  const [expiry, setExpiry] = useState<Expiry>("week");
  const make = useMutation({
    mutationFn: (link: NewPreviewLink) => createPreviewLink(app, link),
    onSuccess: async () => {
      setLabel("");
      setPassword("");
      await queryClient.invalidateQueries({ queryKey: keyOf(app) });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (make.isPending) return;
    const seconds = secondsOf(expiry);
    make.mutate({
      ...(label.trim() !== "" && { label: label.trim() }),
      ...(password !== "" && { password }),
      ...(seconds !== undefined && { expires_in_secs: seconds }),
    });
  };
  return (
    <form className={rows.form} onSubmit={submit}>
      {make.data && (
        <Once
          key={make.data.id}
          words={isLocal(make.data.url) ? `${t("links.made")} ${t("links.localOnly")}` : t("links.made")}
          text={make.data.url}
          copy={t("links.copy")}
        />
      )}
      <div className={rows.pair}>
        <TextField label={t("links.label")} hint={t("links.labelHint")} value={label} onText={setLabel} />
        <ExpiryChoice value={expiry} options={EXPIRIES} onChoose={setExpiry} />
        <TextField
          label={t("links.password")}
          hint={t("links.passwordHint")}
          type="password"
          autoComplete="new-password"
          minLength={8}
          maxLength={128}
          value={password}
          onText={setPassword}
        />
      </div>
      {make.error && <ProblemNotice error={make.error} />}
      <div className={rows.actions}>
        <Button small type="submit" look="primary" disabled={make.isPending}>
          {make.isPending ? t("links.making") : t("links.make")}
        </Button>
      </div>
    </form>
  );
}
