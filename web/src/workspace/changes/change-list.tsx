// The files that differ; arrows walk through them.
import type { KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import type { FileChange } from "../../api/revision-calls";
import styles from "./changes.module.css";

interface ChangeListProps {
  files: readonly FileChange[];
  shown: string | undefined;
  onShow: (path: string) => void;
}

export function ChangeList({ files, shown, onShow }: ChangeListProps) {
  const { t } = useTranslation("changes");
  return (
    <ul className={styles.files} aria-label={t("fileList")} onKeyDown={walk} data-testid="changed-files">
      {files.map(({ path, status, from_path }) => (
        <li key={path}>
          <button
            type="button"
            className={styles.file}
            aria-current={path === shown}
            title={path}
            data-testid={`changed-${path}`}
            onClick={() => onShow(path)}
          >
            <span className={styles.status} data-status={status}>
              {t(`status.${status}`)}
            </span>
            <span className={styles.fileName}>{path.slice(path.lastIndexOf("/") + 1)}</span>
            <span className={styles.folder}>
              {from_path === undefined
                ? path.slice(0, Math.max(0, path.lastIndexOf("/")))
                : t("from", { path: from_path })}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const all = [...event.currentTarget.querySelectorAll("button")];
  const next = all[all.indexOf(event.target as HTMLButtonElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
