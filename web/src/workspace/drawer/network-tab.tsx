// Requests of the page that failed: no answer, or a status that says so.
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import { durationOf } from "../../components/format";
import { WindowedList } from "../log/windowed-list";
import type { NetworkRow } from "../preview/preview-log";
import { type Stage, usePreviewPart } from "../preview/use-stage";
import { clockOf } from "./clock";
import styles from "./drawer.module.css";

const ROW_PX = 28;
const keyOf = ({ key }: NetworkRow) => key;

export function NetworkTab({ stage }: { stage: Stage }) {
  const { t } = useTranslation("drawer");
  const rows = usePreviewPart(stage, (log) => log.network);
  return (
    <>
      <div className={styles.tools}>
        <span className={styles.quiet}>{t("network.intro")}</span>
        <span className={styles.space} />
        <Button small onClick={() => stage.store.clearNetwork()}>
          {t("clear")}
        </Button>
      </div>
      <WindowedList
        rows={rows}
        keyOf={keyOf}
        rowPx={ROW_PX}
        label={t("tabs.network")}
        empty={t(stage.isBridged ? "network.empty" : "console.silent")}
        testId="network"
      >
        {(row) => <Row row={row} />}
      </WindowedList>
    </>
  );
}

function Row({ row }: { row: NetworkRow }) {
  const { t } = useTranslation("drawer");
  const { at, method, url, status, failure, durationMs, count } = row;
  return (
    <div className={styles.request} data-testid="network-row">
      <span className={styles.outcome}>{status ?? t("network.noAnswer")}</span>
      <span className={styles.method}>{method}</span>
      <span className={styles.words}>
        {url}
        {failure && <span className={styles.why}>{failure}</span>}
      </span>
      {count > 1 && (
        <span className={styles.repeats} title={t("times", { count })}>
          {count}
        </span>
      )}
      <span className={styles.time}>{durationOf(durationMs)}</span>
      <time className={styles.time}>{clockOf(at)}</time>
    </div>
  );
}
