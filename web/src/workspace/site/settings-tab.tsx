// How the site is served.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId } from "react";
import { setHosting } from "../../api/calls";
import type { Fallback, HostingSettings } from "../../api/types";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import { strings } from "../../strings";
import { editOf, type SettingsEdit, settingsOf, withPolicy } from "./settings";
import styles from "./settings.module.css";
import siteStyles from "./site.module.css";
import { useHosting } from "./use-live";

const text = strings.hosting;
const FALLBACKS = Object.keys(text.fallbacks) as Fallback[];

interface SettingsTabProps {
  app: string;
  /** Absent while nothing was changed here: then what somebody else saves is shown as it comes. */
  edit: SettingsEdit | undefined;
  onEdit: (edit: SettingsEdit | undefined) => void;
}

export function SettingsTab(props: SettingsTabProps) {
  const hosting = useHosting(props.app, true);
  return (
    <div className={siteStyles.scroll}>
      {hosting.isPending && <p className={siteStyles.quiet}>{text.loading}</p>}
      {hosting.error && (
        <ProblemNotice
          error={hosting.error}
          actions={
            <Button small onClick={() => hosting.refetch()}>
              {strings.common.tryAgain}
            </Button>
          }
        />
      )}
      {hosting.data && <SettingsForm {...props} saved={hosting.data} />}
    </div>
  );
}

function SettingsForm({ app, edit, onEdit, saved }: SettingsTabProps & { saved: HostingSettings }) {
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
        label={<strong>{text.paused}</strong>}
        hint={text.pausedHint}
        checked={settings.paused}
        onChoose={(paused) => change({ settings: { ...settings, paused } })}
      />
      <fieldset className={styles.group}>
        <legend>{text.fallback}</legend>
        {FALLBACKS.map((fallback) => (
          <Choice
            key={fallback}
            type="radio"
            label={text.fallbacks[fallback][0]}
            hint={text.fallbacks[fallback][1]}
            checked={settings.fallback === fallback}
            onChoose={() => change({ settings: { ...settings, fallback } })}
          />
        ))}
      </fieldset>
      <TextSetting
        label={text.policy}
        hint={text.policyHint}
        placeholder={text.policyPlaceholder}
        rows={4}
        value={settings.content_security_policy ?? ""}
        onChange={(policy) => change({ settings: withPolicy(settings, policy) })}
      />
      <TextSetting
        label={text.frames}
        hint={text.framesHint}
        placeholder={text.framesPlaceholder}
        rows={2}
        value={form.frames}
        onChange={(frames) => change({ frames })}
      />
      {save.error && <ProblemNotice error={save.error} />}
      <div className={siteStyles.actions}>
        {/* Never disabled: that would take the focus from whoever just saved. */}
        <Button small look={edit ? "primary" : "plain"} type="submit" aria-disabled={!edit}>
          {save.isPending ? text.saving : text.save}
        </Button>
        {edit && !save.isPending && (
          <Button small onClick={() => change(undefined)}>
            {text.discard}
          </Button>
        )}
        <span role="status" className={siteStyles.quiet}>
          {save.isSuccess && !edit && text.saved}
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
