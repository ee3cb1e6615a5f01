// The one list of everything that is wrong: each with its place, what it says, and one thing to do about it.
import { useIsFetching, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import type { Stage } from "../preview/use-stage";
import type { Places } from "../site/failure";
import { placeName } from "../site/publish-view";
import { clockOf } from "./clock";
import styles from "./drawer.module.css";
import type { ProblemView, Remedy } from "./problems";
import type { DrawerHandle } from "./use-drawer";

/** More are listed on request only by mending some. */
const MAX_LISTED = 300;

interface ProblemsTabProps {
  app: string;
  problems: readonly ProblemView[];
  stage: Stage;
  drawer: DrawerHandle;
  places: Places;
}

export function ProblemsTab({ app, problems, stage, drawer, places }: ProblemsTabProps) {
  const { t } = useTranslation("drawer");
  // The draft is checked after every edit, whoever shows what was found; this only asks for it now.
  const queryClient = useQueryClient();
  const checks = { queryKey: ["validate", app] };
  const isChecking = useIsFetching(checks) > 0;
  const check = () => void queryClient.invalidateQueries(checks);
  const act = (remedy: Remedy) => {
    if (remedy.kind === "open") places.open(remedy.place);
    else if (remedy.kind === "show") drawer.show(remedy.tab);
    else if (remedy.kind === "reload") stage.reload();
    else check();
  };
  return (
    <>
      <div className={styles.tools}>
        <span className={styles.quiet} role="status">
          {isChecking ? t("problems.checking") : t("problems.intro")}
        </span>
        <span className={styles.space} />
        <Button small onClick={() => stage.store.clearFaults()}>
          {t("problems.clear")}
        </Button>
        <Button small aria-disabled={isChecking} onClick={check} data-testid="problems-check">
          {t("problems.check")}
        </Button>
      </div>
      {problems.length === 0 ? (
        <div className={styles.nothing} data-testid="problems-none">
          <strong>{t("problems.none")}</strong>
          <p>{t("problems.noneDetail")}</p>
        </div>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <ul className={styles.problems} aria-label={t("tabs.problems")} tabIndex={0} data-testid="problems">
          {problems.slice(0, MAX_LISTED).map((problem) => (
            <ProblemItem key={problem.fingerprint} problem={problem} onAct={act} />
          ))}
        </ul>
      )}
    </>
  );
}

interface ProblemItemProps {
  problem: ProblemView;
  onAct: (remedy: Remedy) => void;
}

function ProblemItem({ problem, onAct }: ProblemItemProps) {
  const { t } = useTranslation("drawer");
  const { kind, tone, message, detail, place, count, at, remedy } = problem;
  return (
    <li className={styles.problem} data-tone={tone} data-kind={kind} data-testid="problem">
      <span className={styles.kind}>{t(`kinds.${kind}`)}</span>
      <div className={styles.problemWords}>
        <p className={styles.message}>
          {kind === "blank" ? t("problems.blank", { route: message }) : message}
          {count > 1 && <span className={styles.repeats}>{t("times", { count })}</span>}
        </p>
        {place && remedy.kind !== "open" && <code className={styles.quiet}>{placeName(place)}</code>}
        {detail && (
          <details className={styles.details}>
            <summary>{t("details")}</summary>
            <pre>{detail}</pre>
          </details>
        )}
      </div>
      <time className={styles.time} dateTime={new Date(at).toISOString()}>
        {clockOf(at)}
      </time>
      <Button small onClick={() => onAct(remedy)} data-testid="problem-remedy">
        {remedy.kind === "open"
          ? t("remedies.open", { place: placeName(remedy.place) })
          : t(remedy.kind === "show" ? `remedies.show.${remedy.tab}` : `remedies.${remedy.kind}`)}
      </Button>
    </li>
  );
}
