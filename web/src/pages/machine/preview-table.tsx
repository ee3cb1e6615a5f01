// The previews that have a sandbox, with what each of them uses. On a phone the state and the last use stand under the name.
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import type { MachineView, SandboxView } from "../../api/types";
import card from "../../components/card.module.css";
import { countOf, memoryOf, spanOf } from "../../components/format";
import { Icon } from "../../components/icon";
import { Empty } from "../../components/notice";
import { useUrlState } from "../../components/use-url-state";
import { COLUMNS, type Column, type Load, orderOf, percentOf, pressed, sorted } from "./figures";
import styles from "./preview-table.module.css";

interface PreviewTableProps {
  machine: MachineView;
  load: Load | undefined;
}

export function PreviewTable({ machine, load }: PreviewTableProps) {
  const { t } = useTranslation(["machine", "common"]);
  const [sort, setSort] = useUrlState("sort");
  const order = orderOf(sort);
  const total = Object.values(machine.sandboxes).reduce((sum, count) => sum + count, 0);
  return (
    <section className={styles.section} aria-labelledby="machine-previews">
      <h2 id="machine-previews" className={card.heading}>
        {t("table")}
      </h2>
      {machine.items.length === 0 ? (
        <Empty title={t("tableEmptyTitle")}>{t("tableEmpty")}</Empty>
      ) : (
        <table className={styles.table} aria-labelledby="machine-previews">
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <Heading
                  key={column}
                  column={column}
                  sorted={
                    order.column === column ? (order.descending ? "descending" : "ascending") : undefined
                  }
                  onPress={() => setSort(pressed(order, column))}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted(machine.items, order, load).map((item) => (
              <Row
                key={item.app_id}
                item={item}
                now={Date.parse(machine.at)}
                share={load?.apps.get(item.app_id)}
              />
            ))}
          </tbody>
        </table>
      )}
      {machine.items.length < total && (
        <p className={styles.more}>
          {t("tableShown", { shown: countOf(machine.items.length), total: countOf(total) })}
        </p>
      )}
    </section>
  );
}

interface HeadingProps {
  column: Column;
  sorted: "ascending" | "descending" | undefined;
  onPress: () => void;
}

function Heading({ column, sorted, onPress }: HeadingProps) {
  const { t } = useTranslation(["machine", "common"]);
  return (
    <th scope="col" data-column={column} aria-sort={sorted}>
      <button type="button" onClick={onPress} title={column === "cpu" ? t("cpuTitle") : undefined}>
        {t(`columns.${column}`)}
        <span className={styles.arrow} data-sorted={sorted ?? "none"}>
          <Icon name="chevron" />
        </span>
      </button>
    </th>
  );
}

interface RowProps {
  item: SandboxView;
  /** When the machine was looked at: its clock, not this browser's. */
  now: number;
  share: number | undefined;
}

function Row({ item, now, share }: RowProps) {
  const { t } = useTranslation(["machine", "common"]);
  const since = (at: string | undefined) => (at === undefined ? undefined : spanOf(now - Date.parse(at)));
  const used = since(item.last_use_at);
  const lastUse = used === undefined ? t("common:none") : t("ago", { span: used });
  // One on its way has none yet, and one that was given up has none any more.
  const hasSandbox = item.memory_bytes > 0;
  const state = t(`common:session.${item.status}`);
  return (
    <tr data-testid={`preview-${item.app_id}`} data-status={item.status}>
      <th scope="row" data-column="app">
        <AppName item={item} />
        <span className={styles.below}>
          <span className={styles.state} data-status={item.status}>
            {state}
          </span>{" "}
          · {lastUse}
        </span>
      </th>
      <td data-column="state">
        <span className={styles.state} data-status={item.status}>
          {state}
        </span>
      </td>
      <td data-column="memory">
        {hasSandbox ? memoryOf(item.memory_bytes) : t("common:none")}
        {item.swap_bytes > 0 && (
          <span className={styles.quiet}>{t("inSwap", { bytes: memoryOf(item.swap_bytes) })}</span>
        )}
      </td>
      <td data-column="cpu">
        {share !== undefined && hasSandbox ? t("percent", { percent: percentOf(share) }) : t("common:none")}
      </td>
      <td data-column="age">{since(item.started_at) ?? t("common:none")}</td>
      <td data-column="use">{lastUse}</td>
    </tr>
  );
}

/** Apps of others have no names here, and nothing to open. */
function AppName({ item }: { item: SandboxView }) {
  const { t } = useTranslation(["machine", "common"]);
  if (item.app_name !== undefined) {
    return (
      <Link href={`/apps/${item.app_id}`} className={styles.name}>
        {item.app_name}
      </Link>
    );
  }
  return (
    <span className={styles.foreign} title={t("tenant", { tenant: item.tenant_id })}>
      {item.app_id}
    </span>
  );
}
