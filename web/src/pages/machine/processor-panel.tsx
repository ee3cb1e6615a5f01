// What the processor does, now and in the last minutes.
import { strings } from "../../strings";
import styles from "./panels.module.css";

const text = strings.machine;
const WIDTH = 100;
const HEIGHT = 32;
/** Points of a full line; a short one ends at the right edge all the same. */
const POINTS = 60;

interface ProcessorPanelProps {
  cores: number;
  /** Undefined until two answers are there, and where the kernel does not tell. */
  share: number | undefined;
  history: readonly number[];
}

export function ProcessorPanel({ cores, share, history }: ProcessorPanelProps) {
  return (
    <section className={styles.panel} aria-labelledby="machine-processor" data-testid="machine-processor">
      <div className={styles.head}>
        <h2 id="machine-processor">{text.processor}</h2>
        <p className={styles.figure}>{share === undefined ? text.measuring : text.busy(share, cores)}</p>
      </div>
      <svg
        className={styles.line}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <path className={styles.area} d={`${pathOf(history)} V${HEIGHT} H${startOf(history)} Z`} />
        <path className={styles.stroke} d={pathOf(history)} />
      </svg>
      <p className={styles.hint}>{text.processorHint}</p>
    </section>
  );
}

function startOf(history: readonly number[]): number {
  return WIDTH - (Math.min(history.length, POINTS) - 1) * (WIDTH / (POINTS - 1));
}

function pathOf(history: readonly number[]): string {
  const shown = history.slice(-POINTS);
  const start = startOf(history);
  const points = shown.map((share, index) => {
    const x = start + index * (WIDTH / (POINTS - 1));
    // Room for the line's own width at both ends.
    const y = HEIGHT - 1 - share * (HEIGHT - 2);
    return `${x.toFixed(2)} ${y.toFixed(2)}`;
  });
  return points.length === 0 ? `M${WIDTH} ${HEIGHT}` : `M${points.join(" L")}`;
}
