// Always there: what strangers see, with the way to it, and how far the draft is ahead.
import { useTranslation } from "react-i18next";
import type { App } from "../../api/types";
import { Icon } from "../../components/icon";
import { useNow } from "../../components/use-now";
import styles from "./ribbon.module.css";
import { type RibbonText, ribbonOf } from "./ribbon-text";
import type { Live } from "./use-live";

const TICK_MS = 20_000;

interface RibbonProps {
  app: App;
  live: Live;
  draftVersion: number;
  onShowHistory: () => void;
}

export function Ribbon({ app, live, draftVersion, onShowHistory }: RibbonProps) {
  const { t } = useTranslation("site");
  const now = useNow(TICK_MS);
  const ribbon = ribbonOf({ app, ...live, draftVersion }, now);
  return (
    <section
      className={styles.ribbon}
      aria-label={t("ribbon.label")}
      data-testid="ribbon"
      data-state={ribbon.state}
    >
      {ribbon.url === undefined ? (
        <span className={styles.seen}>{ribbon.words}</span>
      ) : (
        <a
          className={styles.seen}
          href={ribbon.url}
          target="_blank"
          rel="noreferrer"
          title={t("ribbon.open", { url: ribbon.url })}
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
  const { t } = useTranslation("site");
  const { ahead, state } = ribbon;
  if (state === "none")
    return (
      <span className={styles.ahead} data-even="true" title={t("ribbon.draftOnlyTitle")}>
        {t("ribbon.draftOnly")}
      </span>
    );
  if (ahead === undefined) return null;
  return (
    <button
      type="button"
      className={styles.ahead}
      data-even={ahead === 0}
      title={ahead === 0 ? t("ribbon.evenTitle") : t("ribbon.aheadTitle", { count: ahead })}
      onClick={onShowHistory}
    >
      {ahead === 0 ? t("ribbon.even") : t("ribbon.ahead", { count: ahead })}
    </button>
  );
}
