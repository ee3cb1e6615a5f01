// What the processor does, now and in the last minutes.
import { useTranslation } from "react-i18next";
import type { MachineView } from "../../api/types";
import card from "../../components/card.module.css";
import { HISTORY_POINTS, percentOf } from "./figures";
import styles from "./panels.module.css";

const WIDTH = 100;
const HEIGHT = 32;
const STEP = WIDTH / (HISTORY_POINTS - 1);

interface ProcessorPanelProps {
  machine: MachineView;
  /** Undefined until two answers are there, and where the kernel does not tell. */
  share: number | undefined;
  history: readonly number[];
}

export function ProcessorPanel({ machine, share, history }: ProcessorPanelProps) {
  const { t } = useTranslation("machine");
  const now = () => {
    if (share !== undefined) return t("busy", { percent: percentOf(share), count: machine.cores });
    return machine.cpu_micros === undefined ? t("processorUnknown") : t("measuring");
  };
  return (
    <section className={card.card} aria-labelledby="machine-processor" data-testid="machine-processor">
      <div>
        <h2 id="machine-processor" className={card.heading}>
          {t("processor")}
        </h2>
        <p className={styles.figure}>{now()}</p>
      </div>
      {history.length > 1 ? <Line history={history} /> : <div className={styles.line} />}
      <p className={styles.hint}>{t("processorHint")}</p>
    </section>
  );
}

/** At least two points; a line that is not full yet ends at the right edge all the same. */
function Line({ history }: { history: readonly number[] }) {
  const { t } = useTranslation("machine");
  const start = WIDTH - (history.length - 1) * STEP;
  const points = history.map((share, index) => {
    // Room for the line's own width at both ends.
    const y = HEIGHT - 1 - share * (HEIGHT - 2);
    return `${(start + index * STEP).toFixed(2)} ${y.toFixed(2)}`;
  });
  const path = `M${points.join(" L")}`;
  const range = { low: percentOf(Math.min(...history)), high: percentOf(Math.max(...history)) };
  return (
    <svg
      className={styles.line}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={t("processorLine", range)}
    >
      <path className={styles.area} d={`${path} V${HEIGHT} H${start.toFixed(2)} Z`} />
      <path className={styles.stroke} d={path} />
    </svg>
  );
}
