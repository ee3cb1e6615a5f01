// What has happened since the server started, and what is kept ready.
import type { MachineView } from "../../api/types";
import { memoryOf } from "../../components/format";
import { strings } from "../../strings";
import styles from "./panels.module.css";

const text = strings.machine;

export function SincePanel({ machine }: { machine: MachineView }) {
  return (
    <div className={styles.pair}>
      <section aria-labelledby="machine-since">
        <h2 id="machine-since">{text.sinceStart}</h2>
        <Facts facts={happened(machine)} />
      </section>
      <section aria-labelledby="machine-kept">
        <h2 id="machine-kept">{text.kept}</h2>
        <Facts facts={kept(machine)} />
      </section>
    </div>
  );
}

interface Fact {
  name: string;
  figure: string;
  hint: string;
  id: string;
}

function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(({ id, name, figure, hint }) => (
        <div key={id} data-testid={`fact-${id}`}>
          <dt>{name}</dt>
          <dd>
            <strong>{figure}</strong> <span>{hint}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function happened({ since_start: since }: MachineView): Fact[] {
  const fact = (id: string, name: string, count: number, hint: string) => ({
    id,
    name,
    figure: text.count(count),
    hint,
  });
  return [
    fact("starts", text.starts, since.starts, text.startsHint(since.from_pool)),
    fact("wakes", text.wakes, since.wakes, text.wakesHint),
    fact("freezes", text.freezes, since.freezes, text.freezesHint(since.thaws)),
    fact("hibernations", text.hibernations, since.hibernations, text.hibernationsHint(since.evictions)),
    fact("refusals", text.refusals, since.refusals, text.refusalsHint),
    fact("losses", text.losses, since.losses, text.lossesHint),
  ];
}

function kept({ pool, layers }: MachineView): Fact[] {
  const warm = {
    id: "pool",
    name: text.pool,
    figure: text.poolFigure(pool.warm),
    hint: pool.warm === 0 ? text.poolEmpty : text.poolHint(memoryOf(pool.memory_bytes)),
  };
  const packages = {
    id: "layers",
    name: text.layers,
    figure: layers === undefined ? text.unknown : text.count(layers.count),
    hint:
      layers === undefined
        ? ""
        : text.layersHint(layers.in_use, memoryOf(layers.bytes), memoryOf(layers.budget_bytes)),
  };
  return [warm, packages];
}
