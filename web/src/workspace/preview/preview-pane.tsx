// The app, live: the frame, the bar above it, and what to do when there is nothing to show.
import { useState } from "react";
import { Button } from "../../components/button";
import { detailOf, Empty, Notice, ProblemNotice } from "../../components/notice";
import { useUrlState } from "../../components/use-url-state";
import { strings } from "../../strings";
import type { SessionHandle } from "../session/use-session";
import styles from "./preview.module.css";
import { PreviewBar } from "./preview-bar";
import type { Fallback } from "./use-fallback";
import { useFrame } from "./use-frame";

const text = strings.session;
// Not: leaving the builder (top navigation), pop-ups without these rules, and dialogs, which would stop the builder too. In a tab
// of its own a preview may do all of that.
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups allow-downloads";

interface PreviewPaneProps {
  appName: string;
  handle: SessionHandle;
  /** When no dev server can run. */
  fallback: Fallback | undefined;
  onShowLog: () => void;
}

export function PreviewPane({ appName, handle, fallback, onShowLog }: PreviewPaneProps) {
  const { session } = handle;
  const [urlRoute, setUrlRoute] = useUrlState("route");
  const [width, setWidth] = useUrlState("width");
  const [fault, setFault] = useState<unknown>(null);
  const route = urlRoute === "" ? "/" : urlRoute;
  const phone = width === "phone";
  const { frame, load, openTab } = useFrame(session, handle.fresh, route);

  const over = session?.status === "stopped" || session?.status === "expired";
  const attempt = (work: Promise<unknown>) => {
    setFault(null);
    work.catch(setFault);
  };
  const go = (to: string) => {
    setUrlRoute(to === "/" ? "" : to);
    attempt(load(to));
  };
  const startAgain = () =>
    attempt(
      handle.ensure().then(async (asked) => {
        if (asked) await load(route);
      }),
    );
  return (
    <div className={styles.pane}>
      <PreviewBar
        route={route}
        phone={phone}
        disabled={!frame || over}
        onGo={go}
        onPhone={(next) => setWidth(next ? "phone" : "")}
        onOpenTab={() => attempt(openTab(route))}
      />
      {fault !== null && <ProblemNotice flat error={fault} />}
      <Trouble handle={handle} onShowLog={onShowLog} onAgain={startAgain} />
      {fallback && <Standby fallback={fallback} />}
      <div className={styles.stage} data-phone={phone}>
        {over && (
          <Empty
            title={text.endedTitle}
            actions={
              <Button look="primary" onClick={startAgain} disabled={handle.asking}>
                {text.start}
              </Button>
            }
          >
            {text.ended}
          </Empty>
        )}
        {fallback?.url !== undefined && (
          <iframe
            // The address has a key for one use: the one that was loaded stays until another build is there.
            key={addressOf(fallback.url)}
            className={styles.frame}
            data-testid="static-preview"
            title={text.staticTitle(appName)}
            src={fallback.url}
            sandbox={SANDBOX}
            referrerPolicy="no-referrer"
          />
        )}
        {frame && !over && fallback?.url === undefined && (
          <iframe
            key={frame.key}
            className={styles.frame}
            data-testid="preview"
            title={strings.preview.title(appName)}
            src={frame.src}
            sandbox={SANDBOX}
            allow="clipboard-write"
            referrerPolicy="no-referrer"
          />
        )}
        {!frame && !handle.error && <p className={styles.quiet}>{text.waiting}</p>}
      </div>
    </div>
  );
}

/** What is seen instead of the dev server. */
function Standby({ fallback }: { fallback: Fallback }) {
  const { url, going, failed } = fallback;
  if (going) return <p className={styles.standby}>{url ? text.staticNewer : text.staticFirst}</p>;
  if (failed) return <p className={styles.standby}>{url ? text.staticLastGood : text.staticFailed}</p>;
  return url === undefined ? null : <p className={styles.standby}>{text.staticShown}</p>;
}

function addressOf(url: string): string {
  return url.split("?")[0] ?? url;
}

interface TroubleProps {
  handle: SessionHandle;
  onShowLog: () => void;
  onAgain: () => void;
}

/** What went wrong, along the top: the last good page stays below it. */
function Trouble({ handle, onShowLog, onAgain }: TroubleProps) {
  const { session, error, asking } = handle;
  if (error) {
    const again = (
      <Button small onClick={onAgain} disabled={asking}>
        {strings.common.tryAgain}
      </Button>
    );
    return <ProblemNotice flat error={error} actions={again} />;
  }
  if (session?.status === "hibernated") {
    const wake = (
      <Button small onClick={onAgain} disabled={asking}>
        {text.wake}
      </Button>
    );
    return (
      <Notice flat tone="warn" title={text.asleepTitle} actions={wake}>
        {text.asleep}
      </Notice>
    );
  }
  if (session?.status !== "error" || !session.error) return null;
  const problem = session.error;
  const actions = (
    <>
      <Button small onClick={onAgain} disabled={asking} data-testid="try-again">
        {strings.common.tryAgain}
      </Button>
      <Button small onClick={onShowLog}>
        {text.showLog}
      </Button>
    </>
  );
  return (
    <Notice flat title={problem.title} requestId={problem.request_id} actions={actions}>
      {detailOf(problem)}
    </Notice>
  );
}
