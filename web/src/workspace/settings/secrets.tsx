// Secrets and variables of an app, one environment at a time.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { deleteValue, listSecrets, listVariables, type ValueKind } from "../../api/settings-calls";
import type { Environment, SecretTarget, SecretView, VariableView } from "../../api/settings-types";
import { Ask } from "../../components/ask";
import { Button } from "../../components/button";
import { ChoiceField } from "../../components/field";
import { agoOf, dateTimeOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { showToast } from "../../components/toast";
import { isAtLeast } from "../../pages/roles";
import { useMe } from "../../pages/use-me";
import type { SettingsPartProps } from "./settings-panel";
import { type ValueDraft, ValueForm } from "./value-form";
import { valuesKey, type Where } from "./values";

const ENVIRONMENTS: readonly Environment[] = ["development", "preview", "production"];

export default function Secrets({ app }: SettingsPartProps) {
  const { t } = useTranslation("settings");
  const [environment, setEnvironment] = useState<Environment>("development");
  const [draft, setDraft] = useState<ValueDraft>();
  const mayChange = isAtLeast(useMe().data?.role, "admin");
  const where = { app: app.id, environment };
  const choose = (next: Environment) => {
    setEnvironment(next);
    setDraft(undefined);
  };
  const list = { where, mayChange, onReplace: setDraft };
  return (
    <>
      <ChoiceField
        label={t("secrets.environment")}
        hint={t(`secrets.environmentHints.${environment}`)}
        value={environment}
        options={ENVIRONMENTS.map((value) => ({ value, label: t(`secrets.environments.${value}`) }))}
        onChoose={choose}
      />
      <SecretList {...list} />
      <VariableList {...list} />
      {mayChange ? (
        <ValueForm
          key={`${environment} ${draft?.kind} ${draft?.name}`}
          where={where}
          draft={draft}
          onDone={() => setDraft(undefined)}
        />
      ) : (
        <p>{t("adminsOnly")}</p>
      )}
    </>
  );
}

interface ListProps {
  where: Where;
  mayChange: boolean;
  onReplace: (draft: ValueDraft) => void;
}

function SecretList({ where, mayChange, onReplace }: ListProps) {
  const { t } = useTranslation("settings");
  const secrets = useQuery({
    queryKey: valuesKey(where, "secret"),
    queryFn: ({ signal }) => listSecrets(where.app, where.environment, signal),
  });
  return (
    <Section title={t("secrets.secretsTitle")} hint={t("secrets.secretsHint")} testId="secrets">
      <Loaded query={secrets} loading={t("secrets.loading")}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty isQuiet title={t("secrets.noSecrets")}>
              {t("secrets.noSecretsHint")}
            </Empty>
          ) : (
            <ul className={rows.rows}>
              {items.map((secret) => (
                <Row
                  key={secret.name}
                  kind="secret"
                  item={secret}
                  where={where}
                  mayChange={mayChange}
                  onReplace={() => onReplace({ kind: "secret", name: secret.name, targets: secret.targets })}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function VariableList({ where, mayChange, onReplace }: ListProps) {
  const { t } = useTranslation("settings");
  const variables = useQuery({
    queryKey: valuesKey(where, "variable"),
    queryFn: ({ signal }) => listVariables(where.app, where.environment, signal),
  });
  return (
    <Section title={t("secrets.variablesTitle")} hint={t("secrets.variablesHint")} testId="variables">
      <Loaded query={variables} loading={t("secrets.loading")}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty isQuiet title={t("secrets.noVariables")}>
              {t("secrets.noVariablesHint")}
            </Empty>
          ) : (
            <ul className={rows.rows}>
              {items.map((variable) => (
                <Row
                  key={variable.name}
                  kind="variable"
                  item={variable}
                  where={where}
                  mayChange={mayChange}
                  onReplace={() => onReplace({ kind: "variable", ...variable })}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

interface RowProps {
  kind: ValueKind;
  item: SecretView | VariableView;
  where: Where;
  mayChange: boolean;
  onReplace: () => void;
}

function Row({ kind, item, where, mayChange, onReplace }: RowProps) {
  const { t } = useTranslation("settings");
  const { name, targets, updated_at: at } = item;
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteValue(where.app, where.environment, kind, name),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: valuesKey(where, kind) });
      showToast({ title: t("secrets.deleted", { name }) });
    },
  });
  return (
    <li className={rows.row} data-testid={`value-${name}`}>
      <span className={rows.words}>
        <span className={rows.code}>
          <strong>{name}</strong>
          {"value" in item && ` = ${item.value}`}
        </span>
        <span className={rows.facts} title={dateTimeOf(at)}>
          <Targets targets={targets} /> · {t("when", { ago: agoOf(at, Date.now()) })}
        </span>
      </span>
      {mayChange && (
        <>
          <Button small aria-label={t("secrets.setSecret", { name })} onClick={onReplace}>
            {t("secrets.set")}
          </Button>
          <Ask
            words={t("oneStep")}
            label={t("secrets.deleteName", { name })}
            question={t("secrets.confirmDelete", { name })}
            isPending={remove.isPending}
            error={remove.error}
            onYes={() => remove.mutate()}
          />
        </>
      )}
    </li>
  );
}

function Targets({ targets }: { targets: readonly SecretTarget[] }) {
  const { t } = useTranslation("settings");
  if (targets.length === 0) return t("secrets.nobody");
  return `${t("secrets.givenTo")}: ${targets.map((target) => t(`secrets.targets.${target}`)).join(", ")}`;
}
