// Files dropped on the list or chosen: asks before it replaces anything, and says how it goes.
import { type DragEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Tree } from "../../api/types";
import { Button } from "../../components/button";
import { Notice } from "../../components/notice";
import styles from "./file-tree.module.css";
import { joinPath } from "./tree-model";
import type { FileActions } from "./use-file-actions";

interface Pending {
  files: readonly File[];
  folder: string;
}

export function useUploads(actions: FileActions, tree: Tree) {
  const { t } = useTranslation("files");
  const [over, setOver] = useState(false);
  const [question, setQuestion] = useState<Pending>();
  const [fault, setFault] = useState<string | null>(null);

  const exists = (folder: string) => (file: File) => joinPath(folder, file.name) in tree;
  const upload = async (files: readonly File[], folder: string) => {
    setQuestion(undefined);
    if (files.length > 0) setFault(await actions.upload(files, folder));
  };
  const take = (files: readonly File[], folder: string) => {
    setFault(null);
    if (files.some(exists(folder))) setQuestion({ files, folder });
    else void upload(files, folder);
  };
  const drop = (event: DragEvent, folder: string) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    take(filesOf(event.dataTransfer), folder);
  };

  let note: ReactNode = null;
  if (question) {
    const { files, folder } = question;
    const taken = files.filter(exists(folder)).map((file) => file.name);
    const skip = files.filter((file) => !exists(folder)(file));
    note = (
      <div className={styles.question}>
        <p>{t("replace", { names: taken.join(", ") })}</p>
        <Button small onClick={() => upload(files, folder)}>
          {t("replaceYes")}
        </Button>
        <Button small onClick={() => upload(skip, folder)}>
          {t("replaceNo")}
        </Button>
      </div>
    );
  } else if (actions.uploading > 0) {
    note = <p className={styles.quiet}>{t("uploading", { count: actions.uploading })}</p>;
  } else if (over) {
    note = <p className={styles.quiet}>{t("dropHere")}</p>;
  } else if (fault) {
    note = (
      <Notice flat title={t("notDone")}>
        {fault}
      </Notice>
    );
  }
  return { over, setOver, take, drop, note };
}

/** The files of a drop; folders cannot be read this way and are left out. */
function filesOf(data: DataTransfer): File[] {
  const items = [...data.items].filter((item) => item.webkitGetAsEntry()?.isDirectory !== true);
  return items.map((item) => item.getAsFile()).filter((file) => file !== null);
}
