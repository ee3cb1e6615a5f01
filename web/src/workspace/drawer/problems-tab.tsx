// The one list of everything that is wrong: each with its place, what it says, and one thing to do about it.
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import type { Stage } from "../preview/use-stage";
import type { Places } from "../site/failure";
import { placeName } from "../site/publish-view";
import type { Site } from "../site/use-site";
import { clockOf } from "./clock";
import styles from "./drawer.module.css";
import type { ProblemView, Remedy } from "./problems";
import type { DrawerHandle } from "./use-drawer";

/** After an edit, so long is waited until the draft is checked again: a sentence is typed, not a letter. */
const RECHECK_MS = 2_000;
/** More are listed on request only by mending some. */
const MAX_LISTED = 300;

interface ProblemsTabProps {
  problems: readonly ProblemView[];
  site: Site;
  stage: Stage;
  drawer: DrawerHandle;
  places: Places;
  draftVersion: number;
}

export function ProblemsTab({ problems, site, stage, drawer, places, draftVersion }: ProblemsTabProps) {
  const { t } = useTranslation("drawer");
  const { check } = site;
  useChecks(check, draftVersion);
  const act = (remedy: Remedy) => {
    if (remedy.kind === "open") places.open(remedy.place);
    else if (remedy.kind === "show") drawer.show(remedy.tab);
    else if (remedy.kind === "reload") stage.reload();
    else check.run();
  };
  return (
    <>
      <div className={styles.tools}>
        <span className={styles.quiet} role="status">
          {check.pending ? t("problems.checking") : t("problems.intro")}
        </span>
        <span className={styles.space} />
        <Button small onClick={() => stage.store.clearFaults()}>
          {t("problems.clear")}
        </Button>
        <Button small aria-disabled={check.pending} onClick={check.run} data-testid="problems-check">
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

/** Checks the draft when the list is opened, and a moment after it was changed. */
function useChecks(check: Site["check"], draftVersion: number): void {
  const { pending, run, result, error } = check;
  const known = result?.version;
  const untried = result === undefined && error === null;
  const isStale = known !== undefined && known !== draftVersion;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `run` is another function in every render
  useEffect(() => {
    if (pending || !(untried || isStale)) return;
    const timer = setTimeout(run, untried ? 0 : RECHECK_MS);
    return () => clearTimeout(timer);
  }, [pending, untried, isStale, draftVersion]);
}
