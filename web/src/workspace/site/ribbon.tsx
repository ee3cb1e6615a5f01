// Always there: what strangers see, with the way to it, and how far the draft is ahead.
import type { App } from "../../api/types";
import { Icon } from "../../components/icon";
import { useNow } from "../../components/use-now";
import { strings } from "../../strings";
import styles from "./ribbon.module.css";
import { type RibbonText, ribbonOf } from "./ribbon-text";
import type { Live } from "./use-live";

const text = strings.ribbon;
const TICK_MS = 20_000;

interface RibbonProps {
  app: App;
  live: Live;
  draftVersion: number;
  onShowHistory: () => void;
}

export function Ribbon({ app, live, draftVersion, onShowHistory }: RibbonProps) {
  const now = useNow(TICK_MS);
  const ribbon = ribbonOf({ app, ...live, draftVersion }, now);
  return (
    <section className={styles.ribbon} aria-label={text.label} data-testid="ribbon" data-state={ribbon.state}>
      {ribbon.url === undefined ? (
        <span className={styles.seen}>{ribbon.words}</span>
      ) : (
        <a
          className={styles.seen}
          href={ribbon.url}
          target="_blank"
          rel="noreferrer"
          title={text.open(ribbon.url)}
        >
          <span className={styles.words}>{ribbon.words}</span>
          <Icon name="external" />
        </a>
      )}
      <Ahead ribbon={ribbon} onShowHistory={onShowHistory} />
    </section>
  );
}

function Ahead({ ribbon, onShowHistory }: { ribbon: RibbonText; onShowHistory: () => void }) {
  const { ahead } = ribbon;
  if (ahead === undefined) return null;
  return (
    <button
      type="button"
      className={styles.ahead}
      data-even={ahead === 0}
      title={ahead === 0 ? text.evenTitle : text.aheadTitle(ahead)}
      onClick={onShowHistory}
    >
      {ahead === 0 ? text.even : text.ahead(ahead)}
    </button>
  );
}
