// What would break the site before it is published; each with the way to its place.

import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { Finding } from "../../api/types";
import { Button } from "../../components/button";
import { NotStarted, type Places } from "./failure";
import { PlaceButton } from "./place-button";
import { placeName, placeOf } from "./publish-view";
import styles from "./site.module.css";
import type { CheckHandle } from "./use-check";

interface ProblemsTabProps {
  check: CheckHandle;
  draftVersion: number;
  places: Places;
}

export function ProblemsTab({ check, draftVersion, places }: ProblemsTabProps) {
  const { t } = useTranslation("site");
  const { result, pending, error, run } = check;
  const untried = result === undefined && error === null && !pending;
  // Whoever opens the list wants to know; after that, it is asked for.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => {
    if (untried) run();
  }, []);
  const stale = result !== undefined && result.version !== draftVersion;
  return (
    <div className={styles.scroll}>
      <p className={styles.quiet}>{t("problems.intro")}</p>
      <div className={styles.actions}>
        <Button small onClick={run} disabled={pending} data-testid="check-run">
          {result === undefined ? t("problems.run") : t("problems.again")}
        </Button>
        <span className={styles.quiet} role="status">
          {pending && t("problems.running")}
          {!pending && stale && t("problems.stale")}
        </span>
      </div>
      {error && !pending && <NotStarted fault={error} places={places} onAgain={run} />}
      {result && !error && <Findings {...result.validation} places={places} />}
    </div>
  );
}

function Findings({ faults, warnings, places }: { faults: Finding[]; warnings: Finding[]; places: Places }) {
  const { t } = useTranslation("site");
  if (faults.length + warnings.length === 0) {
    return (
      <p className={styles.sentence} data-testid="check-clean">
        <strong>{t("problems.none")}.</strong> {t("problems.noneDetail")}
      </p>
    );
  }
  return (
    <div data-testid="findings" className={styles.findings}>
      <FindingList title={t("problems.fault")} tone="bad" findings={faults} places={places} />
      <FindingList title={t("problems.warning")} tone="warn" findings={warnings} places={places} />
    </div>
  );
}

interface FindingListProps {
  title: string;
  tone: "bad" | "warn";
  findings: Finding[];
  places: Places;
}

function FindingList({ title, tone, findings, places }: FindingListProps) {
  if (findings.length === 0) return null;
  return (
    <section>
      <h3 className={styles.group} data-tone={tone}>
        {title} <span className={styles.count}>{findings.length}</span>
      </h3>
      <ul className={styles.faults}>
        {findings.map((finding, index) => {
          const place = placeOf(finding, places.exists);
          const { path, package: dependency } = finding;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same finding may stand twice, and none ever moves
            <li key={index}>
              {place && <PlaceButton place={place} onOpen={places.open} />}
              {!place && path !== undefined && <code>{placeName({ ...finding, path })}</code>}
              {dependency !== undefined && <code>{dependency}</code>}
              <span>{finding.message}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
