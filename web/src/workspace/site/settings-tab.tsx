// How the site is served.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { setHosting } from "../../api/calls";
import type { Fallback, HostingSettings } from "../../api/types";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { editOf, type SettingsEdit, settingsOf, withPolicy } from "./settings";
import styles from "./settings.module.css";
import siteStyles from "./site.module.css";
import { useHosting } from "./use-live";

const FALLBACKS: readonly Fallback[] = ["auto", "page", "not_found"];
/** Code, the same in every language. */
const POLICY_EXAMPLE = "default-src 'self'; …";
const FRAMES_EXAMPLE = "https://example.com";

interface SettingsTabProps {
  app: string;
  /** Absent while nothing was changed here: then what somebody else saves is shown as it comes. */
  edit: SettingsEdit | undefined;
  onEdit: (edit: SettingsEdit | undefined) => void;
  /** True where something else scrolls around it. */
  isInline?: boolean;
}

export function SettingsTab(props: SettingsTabProps) {
  const { t } = useTranslation(["site", "common"]);
  const hosting = useHosting(props.app, true);
  return (
    <div className={props.isInline ? undefined : siteStyles.scroll}>
      {hosting.isPending && <p className={siteStyles.quiet}>{t("hosting.loading")}</p>}
      {hosting.error && (
        <ProblemNotice
          error={hosting.error}
          actions={
            <Button small onClick={() => hosting.refetch()}>
              {t("common:tryAgain")}
            </Button>
          }
        />
      )}
      {hosting.data && <SettingsForm {...props} saved={hosting.data} />}
    </div>
  );
}

function SettingsForm({ app, edit, onEdit, saved }: SettingsTabProps & { saved: HostingSettings }) {
  const { t } = useTranslation("site");
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: (settings: HostingSettings) => setHosting(app, settings),
    onSuccess: async (_, settings) => {
      queryClient.setQueryData(["hosting", app], settings);
      onEdit(undefined);
      await queryClient.invalidateQueries({ queryKey: ["hosting", app] });
    },
  });
  const form = edit ?? editOf(saved);
  const { settings } = form;
  const change = (part: Partial<SettingsEdit> | undefined) => {
    save.reset();
    onEdit(part && { ...form, ...part });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (edit && !save.isPending) save.mutate(settingsOf(edit));
  };
  return (
    <form className={styles.form} onSubmit={submit} data-testid="hosting-form">
      <Choice
        type="checkbox"
        label={<strong>{t("hosting.paused")}</strong>}
        hint={t("hosting.pausedHint")}
        checked={settings.paused}
        onChoose={(paused) => change({ settings: { ...settings, paused } })}
      />
      <fieldset className={styles.group}>
        <legend>{t("hosting.fallback")}</legend>
        {FALLBACKS.map((fallback) => (
          <Choice
            key={fallback}
            type="radio"
            label={t(`hosting.fallbacks.${fallback}.title`)}
            hint={t(`hosting.fallbacks.${fallback}.hint`)}
            checked={settings.fallback === fallback}
            onChoose={() => change({ settings: { ...settings, fallback } })}
          />
        ))}
      </fieldset>
      <TextSetting
        label={t("hosting.policy")}
        hint={t("hosting.policyHint")}
        placeholder={POLICY_EXAMPLE}
        rows={4}
        value={settings.content_security_policy ?? ""}
        onChange={(policy) => change({ settings: withPolicy(settings, policy) })}
      />
      <TextSetting
        label={t("hosting.frames")}
        hint={t("hosting.framesHint")}
        placeholder={FRAMES_EXAMPLE}
        rows={2}
        value={form.frames}
        onChange={(frames) => change({ frames })}
      />
      {save.error && <ProblemNotice error={save.error} />}
      <div className={siteStyles.actions}>
        {/* Never disabled: that would take the focus from whoever just saved. */}
        <Button small look={edit ? "primary" : "plain"} type="submit" aria-disabled={!edit}>
          {save.isPending ? t("hosting.saving") : t("hosting.save")}
        </Button>
        {edit && !save.isPending && (
          <Button small onClick={() => change(undefined)}>
            {t("hosting.discard")}
          </Button>
        )}
        <span role="status" className={siteStyles.quiet}>
          {save.isSuccess && !edit && t("hosting.saved")}
        </span>
      </div>
    </form>
  );
}

interface ChoiceProps {
  type: "checkbox" | "radio";
  label: ReactNode;
  hint: string;
  checked: boolean;
  onChoose: (checked: boolean) => void;
}

function Choice({ type, label, hint, checked, onChoose }: ChoiceProps) {
  return (
    <label className={styles.choice}>
      <input
        type={type}
        name={type === "radio" ? "fallback" : undefined}
        checked={checked}
        onChange={(event) => onChoose(event.target.checked)}
      />
      <span>
        {label}
        <span className={styles.hint}>{hint}</span>
      </span>
    </label>
  );
}

interface TextSettingProps {
  label: string;
  hint: string;
  placeholder: string;
  rows: number;
  value: string;
  onChange: (value: string) => void;
}

function TextSetting({ label, hint, placeholder, rows, value, onChange }: TextSettingProps) {
  const id = useId();
  return (
    <div className={styles.group}>
      <label htmlFor={id}>{label}</label>
      <p id={`${id}-hint`} className={styles.hint}>
        {hint}
      </p>
      <textarea
        id={id}
        aria-describedby={`${id}-hint`}
        className={styles.text}
        rows={rows}
        spellCheck={false}
        placeholder={placeholder}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
