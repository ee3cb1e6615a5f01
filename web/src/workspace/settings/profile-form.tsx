// How an app is installed, developed and built: found out from its files, or set here.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { updateApp } from "../../api/settings-calls";
import type { App, Profile, ProfileKind } from "../../api/types";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { ChoiceField, TextField } from "../../components/field";
import { ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { commandOf, wordsOf } from "./argv";

const KINDS: readonly ProfileKind[] = ["vite", "astro", "static", "custom"];

/** The profile as the form has it: commands as they are typed. */
interface Edit {
  kind: ProfileKind;
  dev: string;
  build: string;
  output: string;
  node: string;
}

function editOf({ kind, dev, build, output = "", node = "" }: Profile): Edit {
  return { kind, dev: commandOf(dev), build: commandOf(build), output, node };
}

/** What is left empty is the usual, and left out. */
function profileOf({ kind, dev, build, output, node }: Edit): Profile {
  const [devWords, buildWords] = [wordsOf(dev), wordsOf(build)];
  return {
    kind,
    ...(devWords.length > 0 && { dev: devWords }),
    ...(buildWords.length > 0 && { build: buildWords }),
    ...(output.trim() !== "" && { output: output.trim() }),
    ...(node.trim() !== "" && { node: node.trim() }),
  };
}

export function ProfileForm({ app }: { app: App }) {
  const { t } = useTranslation(["settings", "common"]);
  const queryClient = useQueryClient();
  const [edit, setEdit] = useState<Edit>();
  const form = edit ?? editOf(app.profile);
  const save = useMutation({
    mutationFn: (profile: Profile | null) => updateApp(app.id, { profile }),
    onSuccess: (saved) => {
      queryClient.setQueryData(["app", app.id], { ...app, ...saved });
      void queryClient.invalidateQueries({ queryKey: ["app", app.id] });
      setEdit(undefined);
    },
  });
  const change = (part: Partial<Edit>) => {
    save.reset();
    setEdit({ ...form, ...part });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (edit && !save.isPending) save.mutate(profileOf(edit));
  };
  const done = save.isSuccess && !edit;
  return (
    <Section title={t("general.profileTitle")} hint={t("general.profileHint")} testId="settings-profile">
      <form className={rows.form} onSubmit={submit}>
        <Fields form={form} onChange={change} />
        {save.error && <ProblemNotice error={save.error} />}
        <div className={rows.actions}>
          <Button small type="submit" look={edit ? "primary" : "plain"} aria-disabled={!edit}>
            {save.isPending ? t("common:saving") : t("common:save")}
          </Button>
          {edit && !save.isPending ? (
            <Button small onClick={() => setEdit(undefined)}>
              {t("common:discard")}
            </Button>
          ) : (
            <Button small onClick={() => save.mutate(null)}>
              {t("general.detect")}
            </Button>
          )}
          <span role="status" className={card.quiet}>
            {done && (save.variables === null ? t("general.detected") : t("common:saved"))}
          </span>
        </div>
      </form>
    </Section>
  );
}

function Fields({ form, onChange }: { form: Edit; onChange: (part: Partial<Edit>) => void }) {
  const { t } = useTranslation("settings");
  return (
    <>
      <ChoiceField
        label={t("general.kind")}
        value={form.kind}
        options={KINDS.map((kind) => ({ value: kind, label: t(`general.kinds.${kind}`) }))}
        onChoose={(kind) => onChange({ kind })}
      />
      <TextField
        label={t("general.dev")}
        hint={t("general.devHint")}
        isCode
        required={form.kind === "custom"}
        value={form.dev}
        onText={(dev) => onChange({ dev })}
      />
      <TextField
        label={t("general.build")}
        hint={t("general.buildHint")}
        isCode
        value={form.build}
        onText={(build) => onChange({ build })}
      />
      <div className={rows.pair}>
        <TextField
          label={t("general.output")}
          placeholder="dist"
          isCode
          value={form.output}
          onText={(output) => onChange({ output })}
        />
        <TextField
          label={t("general.node")}
          hint={t("general.nodeHint")}
          isCode
          inputMode="numeric"
          value={form.node}
          onText={(node) => onChange({ node })}
        />
      </div>
    </>
  );
}
