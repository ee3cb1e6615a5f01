// The person: who they are here, their password, their language, and their other browsers.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { changePassword, chooseTenant, signOutEverywhere } from "../../api/settings-calls";
import type { Me } from "../../api/types";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { ChoiceField, TextField } from "../../components/field";
import { ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { type Theme, useTheme } from "../../components/theme";
import { chooseLanguage, currentLanguage, LANGUAGES, type Language } from "../../i18n/i18n";
import { PasswordForm } from "../password-form";
import { ME } from "../use-me";

/** As short as the server takes. */
const LEAST_CHARS = 12;

export default function Profile({ me }: { me: Me }) {
  return (
    <>
      <Person me={me} />
      <Look />
      {me.user.has_password ? <Password /> : <FirstPassword />}
      <Everywhere />
    </>
  );
}

function Person({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const { tenants = [] } = me;
  const facts = [
    [t("profile.name"), me.user.name],
    [t("profile.email"), me.user.email ?? t("profile.noEmail")],
    [t("profile.role"), `${t(`roles.${me.role}`)}: ${t(`roleHints.${me.role}`)}`],
    [t("profile.tenant"), me.tenant.name],
  ];
  return (
    <Section title={t("profile.title")} testId="profile">
      <dl className={rows.list}>
        {facts.map(([name, value]) => (
          <div key={name} className={rows.fact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {tenants.length > 1 && <TenantChoice me={me} tenants={tenants} />}
    </Section>
  );
}

function TenantChoice({ me, tenants }: { me: Me; tenants: NonNullable<Me["tenants"]> }) {
  const { t } = useTranslation("settings");
  // A fresh page: nothing of the tenant before stays in memory.
  const choose = useMutation({ mutationFn: chooseTenant, onSuccess: () => location.assign("/") });
  return (
    <>
      <ChoiceField
        label={t("profile.choose")}
        value={me.tenant.id}
        options={tenants.map(({ id, name }) => ({ value: id, label: name }))}
        onChoose={(tenant) => choose.mutate(tenant)}
        disabled={choose.isPending}
      />
      {choose.error && <ProblemNotice error={choose.error} />}
    </>
  );
}

function Look() {
  const { t } = useTranslation(["settings", "common"]);
  const [theme, chooseTheme] = useTheme();
  const languages = Object.entries(LANGUAGES).map(([value, label]) => ({ value: value as Language, label }));
  const themes: { value: Theme; label: string }[] = [
    { value: "light", label: t("profile.light") },
    { value: "dark", label: t("profile.dark") },
  ];
  return (
    <Section title={t("profile.lookTitle")}>
      <div className={rows.pair}>
        <ChoiceField
          label={t("common:language")}
          value={currentLanguage()}
          options={languages}
          onChoose={(language) => void chooseLanguage(language)}
        />
        <ChoiceField label={t("profile.look")} value={theme} options={themes} onChoose={chooseTheme} />
      </div>
    </Section>
  );
}

/** For whoever came by the server's own link or key, and put choosing off. */
function FirstPassword() {
  const { t } = useTranslation("account");
  return (
    <Section title={t("firstRun.title")} hint={t("firstRun.lead")}>
      <PasswordForm />
    </Section>
  );
}

function Password() {
  const { t } = useTranslation(["settings", "common"]);
  const queryClient = useQueryClient();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: () => changePassword(current === "" ? undefined : current, next),
    onSuccess: async () => {
      setCurrent("");
      setNext("");
      await queryClient.invalidateQueries({ queryKey: ME });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) change.mutate();
  };
  return (
    <Section title={t("profile.passwordTitle")} hint={t("profile.passwordHint")}>
      <form className={rows.form} onSubmit={submit}>
        <div className={rows.pair}>
          <TextField
            label={t("profile.current")}
            type="password"
            autoComplete="current-password"
            value={current}
            onText={setCurrent}
          />
          <TextField
            label={t("profile.next")}
            hint={t("profile.nextHint", { chars: LEAST_CHARS })}
            type="password"
            autoComplete="new-password"
            required
            minLength={LEAST_CHARS}
            value={next}
            onText={setNext}
          />
        </div>
        {change.error && <ProblemNotice error={change.error} />}
        <div className={rows.actions}>
          <Button small type="submit" disabled={change.isPending}>
            {change.isPending ? t("common:saving") : t("profile.change")}
          </Button>
          <span role="status" className={card.quiet}>
            {change.isSuccess && next === "" && t("profile.changed")}
          </span>
        </div>
      </form>
    </Section>
  );
}

function Everywhere() {
  const { t } = useTranslation("settings");
  const leave = useMutation({ mutationFn: signOutEverywhere, onSuccess: () => location.assign("/") });
  return (
    <Section title={t("profile.everywhereTitle")} hint={t("profile.everywhereHint")}>
      <div className={rows.actions}>
        <Button small disabled={leave.isPending} onClick={() => leave.mutate()}>
          {t("profile.everywhere")}
        </Button>
      </div>
      {leave.error && <ProblemNotice error={leave.error} />}
    </Section>
  );
}
