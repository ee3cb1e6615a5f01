// The memory of the machine: how much of it is used, and by what.
import type { MachineView } from "../../api/types";
import { memoryOf } from "../../components/format";
import { strings } from "../../strings";
import { type MemoryParts, memoryParts } from "./figures";
import styles from "./panels.module.css";

const text = strings.machine;
const PARTS = ["sandboxes", "pool", "rest", "free"] as const;

export function MemoryPanel({ machine }: { machine: MachineView }) {
  const parts = memoryParts(machine);
  const { memory } = machine;
  return (
    <section className={styles.panel} aria-labelledby="machine-memory" data-testid="machine-memory">
      <div className={styles.head}>
        <h2 id="machine-memory">{text.memory}</h2>
        <p className={styles.figure}>
          {parts ? text.used(memoryOf(parts.total - parts.free), memoryOf(parts.total)) : text.unknown}
        </p>
      </div>
      {parts && <MemoryBar parts={parts} />}
      <p className={styles.hint}>
        {text.reserved(memoryOf(memory.reserved_bytes))} {swapOf(machine)}
      </p>
    </section>
  );
}

function MemoryBar({ parts }: { parts: MemoryParts }) {
  const labels = { sandboxes: text.sandboxes, pool: text.pool, rest: text.rest, free: text.free };
  return (
    <>
      <div className={styles.bar} aria-hidden="true">
        {PARTS.filter((part) => parts[part] > 0).map((part) => (
          <span key={part} data-part={part} style={{ flexGrow: parts[part] / parts.total }} />
        ))}
      </div>
      <dl className={styles.legend}>
        {PARTS.map((part) => (
          <div key={part} data-part={part}>
            <dt>{labels[part]}</dt>
            <dd>{memoryOf(parts[part])}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function swapOf({ memory }: MachineView): string {
  const { swap_total_bytes: total, swap_free_bytes: free } = memory;
  if (total === undefined || free === undefined) return "";
  return total === 0 ? text.noSwap : text.swap(memoryOf(total - free), memoryOf(total));
}
