// Why something did not happen: what, where, and one thing to do about it.
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { asProblem, titleOf } from "../../api/problem";
import type { Problem, ProblemItem } from "../../api/types";
import { Button } from "../../components/button";
import { PlaceButton } from "./place-button";
import { type Place, placeName, placeOf, remedyOf } from "./publish-view";
import styles from "./site.module.css";
import { Unsaved } from "./use-start";

export interface Places {
  /** Whether the draft has the file. */
  exists: (path: string) => boolean;
  open: (place: Place) => void;
}

interface FailureProps {
  problem: Pick<Problem, "title" | "detail" | "errors" | "request_id"> & Partial<Pick<Problem, "code">>;
  places: Places;
  onAgain: () => void;
}

export function Failure({ problem, places, onAgain }: FailureProps) {
  const { t } = useTranslation(["site", "common"]);
  const { detail, errors = [], request_id } = problem;
  const remedy = remedyOf(problem, places.exists);
  return (
    <section className={styles.failure} data-testid="publish-failure">
      <p className={styles.failureTitle}>{titleOf(problem)}</p>
      {!isSaidBelow(detail, errors) && (
        <p className={styles.failureDetail} data-lines={detail.includes("\n")}>
          {detail}
        </p>
      )}
      {errors.length > 0 && (
        <ul className={styles.faults}>
          {errors.map((fault, index) => {
            const place = placeOf(fault, places.exists);
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: the same fault may stand twice, and none ever moves
              <li key={index}>
                {place && <PlaceButton place={place} onOpen={places.open} />}
                {!place && fault.path !== undefined && (
                  <code>{placeName({ ...fault, path: fault.path })}</code>
                )}
                <span>{fault.message}</span>
              </li>
            );
          })}
        </ul>
      )}
      {request_id !== undefined && (
        <p className={styles.quiet}>{t("common:requestId", { id: request_id })}</p>
      )}
      <div className={styles.actions}>
        {remedy.kind === "open" ? (
          <Button small onClick={() => places.open(remedy.place)} data-testid="publish-remedy">
            {t("publish.openPlace", { place: placeName(remedy.place) })}
          </Button>
        ) : (
          <Button small onClick={onAgain} data-testid="publish-remedy">
            {t("common:tryAgain")}
          </Button>
        )}
      </div>
    </section>
  );
}

/** Whether `detail` says nothing beyond the one fault that is listed with its place. */
function isSaidBelow(detail: string, [first, ...others]: readonly ProblemItem[]): boolean {
  return detail === "" || (first !== undefined && others.length === 0 && detail.endsWith(first.message));
}

interface NotStartedProps {
  fault: Error;
  places: Places;
  onAgain: () => void;
}

/** Why no publish was started. */
export function NotStarted({ fault, places, onAgain }: NotStartedProps) {
  return <Failure problem={problemOfFault(fault)} places={places} onAgain={onAgain} />;
}

function asShown(error: Error): FailureProps["problem"] {
  const { title, detail, errors, requestId } = asProblem(error);
  return { title, detail, errors: [...errors], ...(requestId !== undefined && { request_id: requestId }) };
}

function problemOfFault(fault: Error): FailureProps["problem"] {
  if (!(fault instanceof Unsaved)) return asShown(fault);
  const { save } = fault;
  // A text that was refused is refused again until it is another one.
  if (save.status === "failed" && !save.retrying) return asShown(save.problem);
  if (save.status === "conflict") {
    const [path = ""] = save.paths;
    const errors = save.paths.map((file) => ({
      path: file,
      code: "conflict",
      message: i18next.t("site:publish.conflictPlace"),
    }));
    return {
      title: i18next.t("site:publish.conflictTitle"),
      detail: i18next.t("site:publish.conflict", { path }),
      errors,
    };
  }
  return { title: i18next.t("site:publish.unsavedTitle"), detail: i18next.t("site:publish.unsaved") };
}
