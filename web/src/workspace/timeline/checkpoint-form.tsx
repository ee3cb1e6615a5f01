// Keeps the app as it is now, under a name or without one.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { createRevision } from "../../api/revision-calls";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { DraftSync } from "../draft/draft-sync";
import { Unsaved } from "../site/use-start";
import styles from "./timeline.module.css";

/** As the server takes it. */
const LABEL_CHARS = 200;

interface CheckpointFormProps {
  app: string;
  draft: DraftSync;
  /** The one that is kept already, if any. */
  newest: string | undefined;
}

export function CheckpointForm({ app, draft, newest }: CheckpointFormProps) {
  const { t } = useTranslation("changes");
  const queryClient = useQueryClient();
  const [label, setLabel] = useState("");
  const keep = useMutation({
    mutationFn: async (name: string) => {
      const save = await draft.saved();
      if (save.status !== "saved") throw "problem" in save ? save.problem : new Unsaved(save);
      const kept = await createRevision(
        app,
        name === "" ? undefined : name,
        crypto.getRandomValues(new Uint32Array(4)).join("-"),
      );
      return { isNew: kept.id !== newest };
    },
    onSuccess: async () => {
      setLabel("");
      await queryClient.invalidateQueries({ queryKey: ["revisions", app] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!keep.isPending) keep.mutate(label.trim());
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <input
        className={styles.input}
        aria-label={t("checkpointLabel")}
        placeholder={t("checkpointPlaceholder")}
        maxLength={LABEL_CHARS}
        value={label}
        data-testid="checkpoint-label"
        onChange={(event) => setLabel(event.target.value)}
      />
      <Button small type="submit" disabled={keep.isPending} data-testid="checkpoint-keep">
        {keep.isPending ? t("keeping") : t("checkpoint")}
      </Button>
      <p role="status" className={styles.quiet}>
        {keep.data && (keep.data.isNew ? t("kept") : t("keptAlready"))}
      </p>
      {keep.error instanceof Unsaved && <p role="alert">{t("unsaved")}</p>}
      {keep.error && !(keep.error instanceof Unsaved) && <ProblemNotice error={keep.error} />}
    </form>
  );
}
