// What the page says in place of a dialog: problems with what to do about them, and empty states.
import i18next from "i18next";
import type { ReactNode } from "react";
import { type ApiProblem, asProblem } from "../api/problem";
import type { Problem } from "../api/types";
import styles from "./notice.module.css";

interface NoticeProps {
  title: string;
  children: ReactNode;
  actions?: ReactNode;
  tone?: "bad" | "warn";
  /** True along the edge of a panel. */
  flat?: boolean;
  requestId?: string | undefined;
}

export function Notice({ title, children, actions, tone = "bad", flat = false, requestId }: NoticeProps) {
  const className = [styles.notice, tone === "warn" && styles.warn, flat && styles.flat];
  return (
    <div className={className.filter(Boolean).join(" ")} role="alert">
      <div className={styles.words}>
        <p className={styles.title}>{title}</p>
        <p className={styles.detail}>{children}</p>
        {requestId && <p className={styles.request}>{i18next.t("common:requestId", { id: requestId })}</p>}
      </div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}

interface ProblemNoticeProps {
  error: unknown;
  actions?: ReactNode;
  flat?: boolean;
}

export function ProblemNotice({ error, actions, flat = false }: ProblemNoticeProps) {
  const problem = asProblem(error);
  return (
    <Notice title={problem.title} requestId={problem.requestId} actions={actions} flat={flat}>
      {detailOf(problem)}
    </Notice>
  );
}

/** The detail, followed by the faults one by one. */
export function detailOf(problem: Pick<ApiProblem | Problem, "detail" | "errors">): string {
  const faults = (problem.errors ?? []).map(({ path, line, message }) => {
    const place = path && (line === undefined ? path : `${path}:${line}`);
    return place ? `${place}: ${message}` : message;
  });
  return [problem.detail, ...faults].filter(Boolean).join("\n");
}

interface EmptyProps {
  title: string;
  children: ReactNode;
  actions?: ReactNode;
  /** True below a heading that is louder. */
  isQuiet?: boolean;
}

export function Empty({ title, children, actions, isQuiet = false }: EmptyProps) {
  return (
    <div className={styles.empty} data-quiet={isQuiet}>
      <strong>{title}</strong>
      <p>{children}</p>
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}
