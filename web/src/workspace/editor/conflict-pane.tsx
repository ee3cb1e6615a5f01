// Somebody else changed the file that is being typed in: both versions are shown, both can be kept, nothing is decided alone.
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import { Notice, ProblemNotice } from "../../components/notice";
import { PHONE, useMedia } from "../../components/use-media";
import type { Conflict, TextFile } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import { copyName } from "../files/tree-model";
import styles from "./editor.module.css";

const ConflictView = lazy(() => import("./conflict-view"));

interface ConflictPaneProps {
  file: TextFile;
  conflict: Conflict;
  draft: DraftSync;
  /** Shows a file. */
  onOpen: (path: string) => void;
}

export function ConflictPane({ file, conflict, draft, onOpen }: ConflictPaneProps) {
  const { t } = useTranslation("editor");
  const isNarrow = useMedia(PHONE);
  const [fault, setFault] = useState<unknown>();
  const { path } = file;
  const { text: theirs } = conflict;
  const keepBoth = async () => {
    const copy = copyName(path, (name) => name in draft.state.files);
    const mine = draft.textOf(path) ?? file.text;
    try {
      await draft.change([{ op: "write", path: copy, text: mine }]);
      draft.takeTheirs(path);
      onOpen(copy);
    } catch (error) {
      setFault(error);
    }
  };
  const isDeleted = theirs === null;
  const words = isDeleted ? t("conflictDeleted") : isNarrow ? t("conflictNarrow") : t("conflict");
  const actions = (
    <>
      <Button small look="primary" onClick={() => draft.keepMine(path)} data-testid="keep-mine">
        {t("keepMine")}
      </Button>
      {!isDeleted && (
        <Button small onClick={() => void keepBoth()} data-testid="keep-both">
          {t("keepBoth")}
        </Button>
      )}
      <Button small onClick={() => draft.takeTheirs(path)} data-testid="take-theirs">
        {isDeleted ? t("acceptDelete") : t("takeTheirs")}
      </Button>
    </>
  );
  return (
    <>
      <Notice
        flat
        tone="warn"
        title={isDeleted ? t("conflictDeletedTitle") : t("conflictTitle")}
        actions={actions}
      >
        {words}
      </Notice>
      {fault !== undefined && <ProblemNotice flat error={fault} />}
      {theirs !== null && (
        <Suspense fallback={<p className={styles.quiet}>{t("loadingEditor")}</p>}>
          <ConflictView
            path={path}
            mine={file.text}
            theirs={theirs}
            narrow={isNarrow}
            onChange={(text) => draft.edit(path, text)}
          />
        </Suspense>
      )}
    </>
  );
}
