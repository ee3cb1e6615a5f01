// The server's log: package manager, dev server, and Vitrine itself.
import { useTranslation } from "react-i18next";
import type { LogLine } from "../../api/types";
import { Button } from "../../components/button";
import { AnsiText } from "../log/ansi-text";
import logStyles from "../log/log.module.css";
import { useLog } from "../log/use-log";
import { WindowedList } from "../log/windowed-list";
import type { SessionHandle } from "../session/use-session";
import { clockOf } from "./clock";
import styles from "./drawer.module.css";

const ROW_PX = 19;
const keyOf = ({ seq }: LogLine) => seq;

interface ServerTabProps {
  app: string;
  handle: SessionHandle;
}

export function ServerTab({ app, handle }: ServerTabProps) {
  const { t } = useTranslation("drawer");
  const { lines, connection, clear } = useLog(app, handle.session?.id, true);
  return (
    <>
      <div className={styles.tools}>
        <span className={styles.quiet} role="status">
          {connection === "lost" ? t("reconnecting") : t("server.intro")}
        </span>
        <span className={styles.space} />
        <Button small onClick={() => void handle.restart()} disabled={handle.asking}>
          {t("server.restart")}
        </Button>
        <Button small onClick={clear}>
          {t("clear")}
        </Button>
      </div>
      <WindowedList
        rows={lines}
        keyOf={keyOf}
        rowPx={ROW_PX}
        label={t("tabs.server")}
        empty={t(connection === "connecting" ? "connecting" : "server.empty")}
        testId="server-log"
      >
        {({ at, source, text }) => (
          <div className={logStyles.line} data-source={source}>
            <time dateTime={at}>{clockOf(at)}</time>
            <span className={logStyles.source}>{t(`sources.${source}`)}</span>
            <span className={logStyles.text}>
              <AnsiText text={text} />
            </span>
          </div>
        )}
      </WindowedList>
    </>
  );
}
