// What the places found shall become, the button that does it, and the way back.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { SearchWish } from "../../api/search-calls";
import { Button } from "../../components/button";
import { ProblemNotice } from "../../components/notice";
import type { DraftSync } from "../draft/draft-sync";
import type { FileMatches } from "./replace";
import styles from "./search.module.css";
import { NotSaved, type Replaced, useReplace } from "./use-replace";

interface ReplaceBarProps {
  app: string;
  draft: DraftSync;
  replacement: string;
  onReplacement: (text: string) => void;
  wish: SearchWish;
  /** Those that the person wants replaced. */
  files: readonly FileMatches[];
  pending: boolean;
}

export function ReplaceBar(props: ReplaceBarProps) {
  const { t } = useTranslation("search");
  const { app, draft, replacement, wish, files, pending } = props;
  const replace = useReplace(app, draft);
  const places = files.reduce((sum, { matches }) => sum + matches.length, 0);
  return (
    <>
      <input
        className={styles.input}
        aria-label={t("replaceWith")}
        placeholder={t("replaceWith")}
        spellCheck={false}
        autoComplete="off"
        value={replacement}
        data-testid="replace-with"
        onChange={(event) => props.onReplacement(event.target.value)}
      />
      <Button
        small
        disabled={places === 0 || pending || replace.isPending}
        data-testid="replace-all"
        onClick={() => replace.mutate({ files, wish, replacement })}
      >
        {replace.isPending ? t("replacing") : t("replaceAll", { places: t("found", { count: places }) })}
      </Button>
      {replace.error instanceof NotSaved && (
        <p role="alert" className={styles.fault}>
          {t("unsaved")}
        </p>
      )}
      {replace.error && !(replace.error instanceof NotSaved) && <ProblemNotice error={replace.error} />}
      {replace.data && <Outcome key={replace.submittedAt} replaced={replace.data} draft={draft} />}
    </>
  );
}

function Outcome({ replaced, draft }: { replaced: Replaced; draft: DraftSync }) {
  const { t } = useTranslation("search");
  const [state, setState] = useState<"done" | "undoing" | "undone">("done");
  const [fault, setFault] = useState<unknown>();
  const { places, files, skipped, undo } = replaced;
  const takeBack = () => {
    setState("undoing");
    draft.change(undo).then(
      () => setState("undone"),
      (error: unknown) => {
        setState("done");
        setFault(error);
      },
    );
  };
  return (
    <div className={styles.outcome} role="status" data-testid="replaced">
      {state === "undone" && <p>{t("undone")}</p>}
      {state !== "undone" && files > 0 && (
        <p>
          {t("replaced", { places: t("found", { count: places }), files: t("files", { count: files }) })}{" "}
          <Button small disabled={state === "undoing"} onClick={takeBack}>
            {t("undo")}
          </Button>
        </p>
      )}
      {skipped && <p>{t("stale")}</p>}
      {fault !== undefined && <ProblemNotice error={fault} />}
    </div>
  );
}
