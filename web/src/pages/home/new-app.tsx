// A new app from a template: choose a card, name it, create; or start from a card at once.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { createApp, listTemplates } from "../../api/calls";
import type { TemplateView } from "../../api/types";
import { useCommands } from "../../commands/commands";
import { found } from "../../commands/ranking";
import { Button } from "../../components/button";
import { Empty, ProblemNotice } from "../../components/notice";
import styles from "./new-app.module.css";
import { TemplateCard } from "./template-card";

export function NewApp({ query }: { query: string }) {
  const { t } = useTranslation(["home", "common"]);
  const templates = useQuery({
    queryKey: ["templates"],
    queryFn: ({ signal }) => listTemplates(signal),
    staleTime: 60_000,
  });
  const all = templates.data?.items;
  return (
    <section aria-label={t("templates")}>
      {templates.isPending && <p className={styles.quiet}>{t("loadingTemplates")}</p>}
      {templates.error && (
        <ProblemNotice
          error={templates.error}
          actions={
            <Button small onClick={() => templates.refetch()}>
              {t("common:tryAgain")}
            </Button>
          }
        />
      )}
      {all?.length === 0 && <Empty title={t("templatesEmptyTitle")}>{t("templatesEmpty")}</Empty>}
      {all && all.length > 0 && <TemplateForm templates={all} query={query} />}
    </section>
  );
}

interface TemplateFormProps {
  templates: readonly TemplateView[];
  query: string;
}

function TemplateForm({ templates, query }: TemplateFormProps) {
  const { t } = useTranslation("home");
  const shown = useFound(templates, query);
  const [chosenKey, choose] = useState<string>();
  const chosen = shown.find((template) => template.key === chosenKey) ?? shown[0];
  // Undefined until the person names it themselves.
  const [ownName, setOwnName] = useState<string>();
  const nameFor = (template: TemplateView | undefined) =>
    (ownName ?? (template ? t("defaultName", { template: template.name }) : t("defaultNamePlain"))).trim();
  const create = useCreateApp();
  const isGoing = create.isPending || create.isSuccess;
  const start = (template: TemplateView | undefined) => {
    if (template && nameFor(template) !== "" && !isGoing)
      create.mutate({ name: nameFor(template), template: template.key });
  };
  useCommands(
    templates.map((template) => ({
      id: `template.${template.key}`,
      title: t("use", { template: template.name }),
      section: t("templates"),
      run: () => start(template),
    })),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start(chosen);
  };
  return (
    <form onSubmit={submit}>
      {shown.length === 0 && (
        <Empty title={t("searchNone", { query: query.trim() })}>{t("searchNoneHint")}</Empty>
      )}
      <div className={styles.grid} role="radiogroup" aria-label={t("templates")}>
        {shown.map((template) => (
          <TemplateCard
            key={template.key}
            template={template}
            chosen={template.key === chosen?.key}
            onChoose={() => choose(template.key)}
            onStart={() => start(template)}
          />
        ))}
      </div>
      {chosen && (
        <NameBar template={chosen} name={ownName ?? nameFor(chosen)} onName={setOwnName} isGoing={isGoing} />
      )}
      {create.error && <ProblemNotice error={create.error} />}
    </form>
  );
}

interface NameBarProps {
  template: TemplateView;
  name: string;
  onName: (name: string) => void;
  isGoing: boolean;
}

function NameBar({ template, name, onName, isGoing }: NameBarProps) {
  const { t } = useTranslation("home");
  const id = useId();
  return (
    <div className={styles.bar}>
      <label className={styles.label} htmlFor={id}>
        {t("name")}
      </label>
      <input
        id={id}
        className={styles.name}
        data-testid="app-name"
        value={name}
        maxLength={120}
        onChange={(event) => onName(event.target.value)}
      />
      <span className={styles.from}>{t("from", { template: template.name })}</span>
      <Button type="submit" look="primary" data-testid="create-app" disabled={isGoing || name.trim() === ""}>
        {isGoing ? t("creating") : t("create")}
      </Button>
    </div>
  );
}

function useFound(templates: readonly TemplateView[], query: string): TemplateView[] {
  return useMemo(() => {
    const findable = templates.map((template) => ({
      title: template.name,
      section: [template.description, template.key, ...template.tags].join(" "),
      template,
    }));
    return found(findable, query).map(({ template }) => template);
  }, [templates, query]);
}

function useCreateApp() {
  const queryClient = useQueryClient();
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: ({ name, template }: { name: string; template: string }) => createApp(name, template),
    onSuccess: (app) => {
      queryClient.setQueryData(["app", app.id], app);
      void queryClient.invalidateQueries({ queryKey: ["apps"] });
      navigate(`/apps/${app.id}`);
    },
  });
}
