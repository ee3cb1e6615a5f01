// What has happened since the server started, and what is kept ready.
import { useTranslation } from "react-i18next";
import type { MachineView } from "../../api/types";
import card from "../../components/card.module.css";
import { countOf, memoryOf } from "../../components/format";
import styles from "./panels.module.css";

export function SincePanel({ machine }: { machine: MachineView }) {
  const { t } = useTranslation("machine");
  return (
    <div className={styles.pair}>
      <section aria-labelledby="machine-since">
        <h2 id="machine-since" className={card.heading}>
          {t("sinceStart")}
        </h2>
        <Happened machine={machine} />
      </section>
      <section aria-labelledby="machine-kept">
        <h2 id="machine-kept" className={card.heading}>
          {t("kept")}
        </h2>
        <Kept machine={machine} />
      </section>
    </div>
  );
}

function Happened({ machine: { since_start: since } }: { machine: MachineView }) {
  const { t } = useTranslation("machine");
  return (
    <dl className={styles.facts}>
      <Fact
        id="starts"
        name={t("facts.starts")}
        figure={countOf(since.starts)}
        hint={t("facts.startsHint", { pooled: countOf(since.from_pool) })}
      />
      <Fact id="wakes" name={t("facts.wakes")} figure={countOf(since.wakes)} hint={t("facts.wakesHint")} />
      <Fact
        id="freezes"
        name={t("facts.freezes")}
        figure={countOf(since.freezes)}
        hint={t("facts.freezesHint", { thaws: countOf(since.thaws) })}
      />
      <Fact
        id="hibernations"
        name={t("facts.hibernations")}
        figure={countOf(since.hibernations)}
        hint={t("facts.hibernationsHint", { evictions: countOf(since.evictions) })}
      />
      <Fact
        id="refusals"
        name={t("facts.refusals")}
        figure={countOf(since.refusals)}
        hint={t("facts.refusalsHint")}
      />
      <Fact
        id="losses"
        name={t("facts.losses")}
        figure={countOf(since.losses)}
        hint={t("facts.lossesHint")}
      />
    </dl>
  );
}

function Kept({ machine: { pool, layers } }: { machine: MachineView }) {
  const { t } = useTranslation("machine");
  const layersHint =
    layers &&
    t("facts.layersHint", {
      inUse: countOf(layers.in_use),
      size: memoryOf(layers.bytes),
      budget: memoryOf(layers.budget_bytes),
    });
  return (
    <dl className={styles.facts}>
      <Fact
        id="pool"
        name={t("facts.pool")}
        figure={t("facts.poolFigure", { count: pool.warm })}
        hint={
          pool.warm === 0
            ? t("facts.poolEmpty")
            : t("facts.poolHint", { memory: memoryOf(pool.memory_bytes) })
        }
      />
      <Fact
        id="layers"
        name={t("facts.layers")}
        figure={layers === undefined ? t("unknown") : countOf(layers.count)}
        hint={layersHint ?? ""}
      />
    </dl>
  );
}

interface FactProps {
  id: string;
  name: string;
  figure: string;
  hint: string;
}

function Fact({ id, name, figure, hint }: FactProps) {
  return (
    <div data-testid={`fact-${id}`}>
      <dt>{name}</dt>
      <dd>
        <strong>{figure}</strong> <span>{hint}</span>
      </dd>
    </div>
  );
}
