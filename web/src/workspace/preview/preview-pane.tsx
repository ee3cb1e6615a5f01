// The app, live: the frame, the bar above it, and what to do when there is nothing to show.
import { useTranslation } from "react-i18next";
import { useCommands } from "../../commands/commands";
import { Button } from "../../components/button";
import { Empty, ProblemNotice } from "../../components/notice";
import { PHONE, useMedia } from "../../components/use-media";
import { useUrlState } from "../../components/use-url-state";
import type { SessionHandle } from "../session/use-session";
import { DEVICES, type Device, FILL, nameOfView, turnedView, type View, viewOf } from "./devices";
import styles from "./preview.module.css";
import { PreviewBar } from "./preview-bar";
import { Screen } from "./screen";
import { Standby, Trouble } from "./trouble";
import type { Fallback } from "./use-fallback";
import { type Stage, usePreviewPart } from "./use-stage";

// Not: leaving the builder (top navigation), pop-ups without these rules, and dialogs, which would stop the builder too. In a tab
// of its own a preview may do all of that.
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups allow-downloads";
const DEVICE_NAMES = Object.keys(DEVICES) as Device[];

interface PreviewPaneProps {
  app: { id: string; name: string };
  handle: SessionHandle;
  stage: Stage;
  /** When no dev server can run. */
  fallback: Fallback | undefined;
  /** Shows the server's log. */
  onShowLog: () => void;
}

export function PreviewPane({ app, handle, stage, fallback, onShowLog }: PreviewPaneProps) {
  const { t } = useTranslation("stage");
  const { session } = handle;
  const isPhone = useMedia(PHONE);
  const [viewName, setViewName] = useUrlState("device");
  const [zoom, setZoom] = useUrlState("zoom");
  // A phone is a device already.
  const view = isPhone ? FILL : viewOf(viewName);
  const setView = (next: View) => setViewName(nameOfView(next));
  const { frame } = stage;
  const over = session?.status === "stopped" || session?.status === "expired";
  const isStill = session?.status === "hibernated" || session?.status === "error";
  const disabled = !frame || over;
  useStageCommands(stage, view, setView, disabled);

  return (
    <div className={styles.pane}>
      <PreviewBar app={app.id} stage={stage} view={view} onView={setView} disabled={disabled} />
      {stage.fault !== null && <ProblemNotice flat error={stage.fault} />}
      <Trouble handle={handle} stage={stage} onShowLog={onShowLog} />
      {fallback && <Standby fallback={fallback} />}
      <Screen
        view={over ? FILL : view}
        isFitted={zoom !== "actual"}
        isStill={isStill && fallback?.url === undefined}
        onView={setView}
        onFit={(fits) => setZoom(fits ? "" : "actual")}
      >
        {over && (
          <Empty
            title={t("endedTitle")}
            actions={
              <Button look="primary" onClick={stage.startAgain} disabled={handle.asking}>
                {t("start")}
              </Button>
            }
          >
            {t("ended")}
          </Empty>
        )}
        {fallback?.url !== undefined && (
          <iframe
            // The address has a key for one use: the one that was loaded stays until another build is there.
            key={addressOf(fallback.url)}
            className={styles.frame}
            data-testid="static-preview"
            title={t("static.title", { name: app.name })}
            src={fallback.url}
            sandbox={SANDBOX}
            referrerPolicy="no-referrer"
          />
        )}
        {frame && !over && fallback?.url === undefined && (
          <iframe
            key={frame.key}
            ref={stage.attach}
            className={styles.frame}
            data-testid="preview"
            title={t("frame", { name: app.name })}
            src={frame.src}
            sandbox={SANDBOX}
            allow="clipboard-write"
            referrerPolicy="no-referrer"
            onLoad={stage.onLoad}
          />
        )}
        {!frame && !handle.error && <p className={styles.quiet}>{t("waiting")}</p>}
      </Screen>
    </div>
  );
}

function addressOf(url: string): string {
  return url.split("?")[0] ?? url;
}

function useStageCommands(stage: Stage, view: View, setView: (view: View) => void, disabled: boolean): void {
  const { t } = useTranslation("stage");
  const picking = usePreviewPart(stage, (log) => log.picking);
  const section = t("section");
  const steered = stage.isBridged && !disabled;
  useCommands([
    { id: "preview.reload", title: t("reload"), section, disabled, run: stage.reload },
    { id: "preview.back", title: t("back"), section, disabled: !steered, run: stage.back },
    { id: "preview.forward", title: t("forward"), section, disabled: !steered, run: stage.forward },
    { id: "preview.open", title: t("openTab"), section, disabled, run: stage.openTab },
    {
      id: "preview.pick",
      title: t("pick"),
      section,
      keys: "Mod+Shift+E",
      disabled: !steered,
      run: () => stage.pick(!picking),
    },
    {
      id: "preview.fill",
      title: t("device.show", { name: t("device.fill") }),
      section,
      run: () => setView(FILL),
    },
    ...DEVICE_NAMES.map((device) => ({
      id: `preview.${device}`,
      title: t("device.show", { name: t(`device.${device}`) }),
      section,
      run: () => setView({ kind: "device", device, turned: false }),
    })),
    {
      id: "preview.rotate",
      title: t("size.rotate"),
      section,
      disabled: view.kind === "fill",
      run: () => setView(turnedView(view)),
    },
  ]);
}
