// How many came to the published site, day by day.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { getUsage } from "../../api/settings-calls";
import type { UsageDay } from "../../api/settings-types";
import { countOf, dayOf, sizeOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty } from "../../components/notice";
import { Section } from "../../components/section";
import type { SettingsPartProps } from "./settings-panel";
import styles from "./visits.module.css";

const DAYS = 30;
const DAY_MS = 86_400_000;

export default function Visits({ app }: SettingsPartProps) {
  const { t } = useTranslation("settings");
  const usage = useQuery({
    queryKey: ["usage", app.id],
    queryFn: ({ signal }) => getUsage(app.id, DAYS, signal),
  });
  return (
    <Section title={t("visits.title")} hint={t("visits.hint")} testId="visits">
      <Loaded query={usage} loading={t("visits.loading")}>
        {(days) =>
          days.every(({ requests }) => requests === 0) ? (
            <Empty isQuiet title={t("visits.none")}>
              {t("visits.noneHint")}
            </Empty>
          ) : (
            <Days days={everyDay(days, Date.now())} />
          )
        }
      </Loaded>
    </Section>
  );
}

/** The last days, the oldest first; a day without a visit is not told by the server. */
export function everyDay(days: readonly UsageDay[], nowMs: number): UsageDay[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return Array.from({ length: DAYS }, (_, index) => {
    const day = new Date(nowMs - (DAYS - 1 - index) * DAY_MS).toISOString().slice(0, 10);
    return known.get(day) ?? { day, requests: 0, bytes: 0 };
  });
}

function Days({ days }: { days: readonly UsageDay[] }) {
  const { t } = useTranslation("settings");
  const requests = days.reduce((sum, day) => sum + day.requests, 0);
  const bytes = days.reduce((sum, day) => sum + day.bytes, 0);
  const most = Math.max(...days.map((day) => day.requests));
  const came = days.filter((day) => day.requests > 0).toReversed();
  return (
    <>
      <p className={styles.total}>
        <strong>{t("visits.requests", { count: requests })}</strong> ·{" "}
        {t("visits.bytes", { size: sizeOf(bytes) })}
      </p>
      <div className={styles.bars} aria-hidden="true">
        {days.map((day) => (
          <span
            key={day.day}
            title={`${dayOf(day.day)}: ${countOf(day.requests)}`}
            style={{ height: `${(day.requests / most) * 100}%` }}
          />
        ))}
      </div>
      <details className={styles.details}>
        <summary>{t("visits.table")}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("visits.day")}</th>
              <th scope="col">{t("visits.requestsHead")}</th>
              <th scope="col">{t("visits.bytesHead")}</th>
            </tr>
          </thead>
          <tbody>
            {came.map((day) => (
              <tr key={day.day}>
                <th scope="row">{dayOf(day.day)}</th>
                <td>{countOf(day.requests)}</td>
                <td>{sizeOf(day.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}
