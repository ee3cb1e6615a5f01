// The memory of the machine: how much of it is used, and by what.
import { useTranslation } from "react-i18next";
import type { MachineView } from "../../api/types";
import card from "../../components/card.module.css";
import { memoryOf } from "../../components/format";
import { type MemoryParts, memoryParts } from "./figures";
import styles from "./panels.module.css";

const PARTS = ["sandboxes", "pool", "rest", "free"] as const;

export function MemoryPanel({ machine }: { machine: MachineView }) {
  const { t } = useTranslation("machine");
  const parts = memoryParts(machine);
  const { reserved_bytes: reserved } = machine.memory;
  return (
    <section className={card.card} aria-labelledby="machine-memory" data-testid="machine-memory">
      <div>
        <h2 id="machine-memory" className={card.heading}>
          {t("memory")}
        </h2>
        <p className={styles.figure}>
          {parts
            ? t("used", { used: memoryOf(parts.total - parts.free), total: memoryOf(parts.total) })
            : t("unknown")}
        </p>
      </div>
      {parts && <MemoryBar parts={parts} />}
      <p className={styles.hint}>
        {t("reserved", { bytes: memoryOf(reserved) })} <Swap machine={machine} />
      </p>
    </section>
  );
}

function MemoryBar({ parts }: { parts: MemoryParts }) {
  const { t } = useTranslation("machine");
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
            <dt>{t(`parts.${part}`)}</dt>
            <dd>{memoryOf(parts[part])}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Swap({ machine: { memory } }: { machine: MachineView }) {
  const { t } = useTranslation("machine");
  const { swap_total_bytes: total, swap_free_bytes: free } = memory;
  if (total === undefined || free === undefined) return null;
  return total === 0 ? t("noSwap") : t("swap", { used: memoryOf(total - free), total: memoryOf(total) });
}
