// Sets a secret or a variable, a new one or one that is there.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { putValue, type ValueKind } from "../../api/settings-calls";
import type { SecretTarget } from "../../api/settings-types";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { AreaField, ChoiceField, TextField } from "../../components/field";
import { ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { valuesKey, type Where } from "./values";

export interface ValueDraft {
  kind: ValueKind;
  name: string;
  targets: SecretTarget[];
  value?: string;
}

const KINDS: readonly ValueKind[] = ["secret", "variable"];
const TARGETS: readonly SecretTarget[] = ["dev", "build"];

interface ValueFormProps {
  where: Where;
  /** One that is there and is to be set anew. */
  draft: ValueDraft | undefined;
  onDone: () => void;
}

export function ValueForm({ where, draft, onDone }: ValueFormProps) {
  const { t } = useTranslation(["settings", "common"]);
  const queryClient = useQueryClient();
  const [kind, setKind] = useState<ValueKind>(draft?.kind ?? "secret");
  const [name, setName] = useState(draft?.name ?? "");
  const [value, setValue] = useState(draft?.value ?? "");
  const [targets, setTargets] = useState<SecretTarget[]>(draft?.targets ?? targetsOf(where));
  const put = useMutation({
    mutationFn: () => putValue(where.app, where.environment, kind, name.trim(), { value, targets }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: valuesKey(where, kind) });
      setName("");
      setValue("");
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!put.isPending) put.mutate();
  };
  return (
    <Section
      title={draft ? t("secrets.replaceTitle", { name: draft.name }) : t("secrets.addTitle")}
      testId="value-form"
    >
      <form className={rows.form} onSubmit={submit}>
        <div className={rows.pair}>
          <ChoiceField
            label={t("secrets.kind")}
            value={kind}
            options={KINDS.map((option) => ({ value: option, label: t(`secrets.kinds.${option}`) }))}
            onChoose={setKind}
            disabled={draft !== undefined}
          />
          <TextField
            label={t("secrets.name")}
            isCode
            required
            readOnly={draft !== undefined}
            placeholder="API_KEY"
            value={name}
            onText={setName}
          />
        </div>
        <AreaField
          label={t("secrets.value")}
          required
          rows={2}
          autoComplete="off"
          autoFocus={draft !== undefined}
          value={value}
          onText={setValue}
        />
        <TargetChoice targets={targets} onChange={setTargets} />
        {put.error && <ProblemNotice error={put.error} />}
        <div className={rows.actions}>
          <Button small type="submit" look="primary" disabled={put.isPending}>
            {put.isPending ? t("common:saving") : t("common:save")}
          </Button>
          {draft && (
            <Button small onClick={onDone}>
              {t("common:cancel")}
            </Button>
          )}
        </div>
      </form>
    </Section>
  );
}

/** The dev server has the values of one environment alone. */
function targetsOf({ environment }: Where): SecretTarget[] {
  return environment === "development" ? ["dev"] : ["build"];
}

interface TargetChoiceProps {
  targets: readonly SecretTarget[];
  onChange: (targets: SecretTarget[]) => void;
}

function TargetChoice({ targets, onChange }: TargetChoiceProps) {
  const { t } = useTranslation("settings");
  return (
    <div>
      <fieldset className={rows.checks}>
        <legend>{t("secrets.givenTo")}</legend>
        {TARGETS.map((target) => (
          <label key={target}>
            <input
              type="checkbox"
              checked={targets.includes(target)}
              onChange={({ target: box }) =>
                onChange(TARGETS.filter((one) => (one === target ? box.checked : targets.includes(one))))
              }
            />
            {t(`secrets.targets.${target}`)}
          </label>
        ))}
      </fieldset>
      <p className={card.quiet}>{t("secrets.devOnly")}</p>
    </div>
  );
}
