// A new app from a template: choose a card, name it, create.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useLocation } from "wouter";
import { createApp, listTemplates } from "../api/calls";
import type { TemplateView } from "../api/types";
import { Button } from "../components/button";
import { Empty, ProblemNotice } from "../components/notice";
import { strings } from "../strings";
import styles from "./new-app.module.css";
import { TemplateCard } from "./template-card";

const text = strings.home;

export function NewApp() {
  const templates = useQuery({
    queryKey: ["templates"],
    queryFn: ({ signal }) => listTemplates(signal),
    staleTime: 60_000,
  });
  return (
    <section aria-label={text.templates}>
      {templates.isPending && <p className={styles.loading}>{text.loadingTemplates}</p>}
      {templates.error && (
        <ProblemNotice
          error={templates.error}
          actions={
            <Button small onClick={() => templates.refetch()}>
              {strings.common.tryAgain}
            </Button>
          }
        />
      )}
      {templates.data?.items.length === 0 && (
        <Empty title={text.templatesEmptyTitle}>{text.templatesEmpty}</Empty>
      )}
      {templates.data && templates.data.items.length > 0 && <TemplateForm templates={templates.data.items} />}
    </section>
  );
}

function TemplateForm({ templates }: { templates: TemplateView[] }) {
  const nameId = useId();
  const [chosenKey, choose] = useState<string>();
  const chosen = templates.find((template) => template.key === chosenKey) ?? templates[0];
  // Undefined until the person names it themselves.
  const [ownName, setOwnName] = useState<string>();
  const name = ownName ?? (chosen ? text.defaultName(chosen.name) : text.defaultNamePlain);
  const create = useCreateApp();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen && name.trim() !== "") create.mutate({ name: name.trim(), template: chosen.key });
  };
  return (
    <form onSubmit={submit}>
      <div className={styles.grid} role="radiogroup" aria-label={text.templates}>
        {templates.map((template) => (
          <TemplateCard
            key={template.key}
            template={template}
            chosen={template.key === chosen?.key}
            onChoose={() => choose(template.key)}
          />
        ))}
      </div>
      <div className={styles.bar}>
        <label className={styles.label} htmlFor={nameId}>
          {text.name}
        </label>
        <input
          id={nameId}
          className={styles.name}
          data-testid="app-name"
          value={name}
          maxLength={120}
          onChange={(event) => setOwnName(event.target.value)}
        />
        <span className={styles.from}>{chosen && text.from(chosen.name)}</span>
        <Button
          type="submit"
          look="primary"
          data-testid="create-app"
          disabled={create.isPending || create.isSuccess || name.trim() === ""}
        >
          {create.isPending || create.isSuccess ? text.creating : text.create}
        </Button>
      </div>
      {create.error && <ProblemNotice error={create.error} />}
    </form>
  );
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
