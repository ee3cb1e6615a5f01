// Above the preview: where in the app, how large, and what to do with it.
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../components/button";
import type { View } from "./devices";
import styles from "./preview-bar.module.css";
import { type Stage, usePreviewPart } from "./use-stage";

const RouteField = lazy(() => import("./route-field").then(({ RouteField }) => ({ default: RouteField })));
const DeviceMenu = lazy(() => import("./device-menu").then(({ DeviceMenu }) => ({ default: DeviceMenu })));
const PhoneCode = lazy(() => import("./phone-code").then(({ PhoneCode }) => ({ default: PhoneCode })));

interface PreviewBarProps {
  app: string;
  stage: Stage;
  view: View;
  onView: (view: View) => void;
  disabled: boolean;
}

export function PreviewBar({ app, stage, view, onView, disabled }: PreviewBarProps) {
  const { t } = useTranslation("stage");
  const canGoBack = usePreviewPart(stage, (log) => log.canGoBack);
  const canGoForward = usePreviewPart(stage, (log) => log.canGoForward);
  const picking = usePreviewPart(stage, (log) => log.picking);
  const { isBridged } = stage;
  const steered = isBridged && !disabled;
  return (
    <div className={styles.bar} role="toolbar" aria-label={t("bar")}>
      <span className={styles.wide}>
        <IconButton icon="back" label={t("back")} disabled={!steered || !canGoBack} onClick={stage.back} />
        <IconButton
          icon="chevron"
          label={t("forward")}
          disabled={!steered || !canGoForward}
          onClick={stage.forward}
        />
      </span>
      <IconButton icon="reload" label={t("reload")} disabled={disabled} onClick={stage.reload} />
      <Suspense fallback={<div className={styles.route} />}>
        <RouteField stage={stage} disabled={disabled} />
      </Suspense>
      <span className={styles.wide}>
        <Suspense fallback={<IconButton icon="monitor" label={t("device.label")} disabled />}>
          <DeviceMenu view={view} onView={onView} />
        </Suspense>
      </span>
      <IconButton
        icon="pick"
        label={steered ? t("pick") : t("pickNot")}
        aria-pressed={picking}
        disabled={!steered}
        data-testid="pick"
        onClick={() => stage.pick(!picking)}
      />
      <span className={styles.wide}>
        <OnPhone app={app} disabled={disabled} />
      </span>
      <IconButton icon="external" label={t("openTab")} disabled={disabled} onClick={stage.openTab} />
    </div>
  );
}

/** The code for a phone is loaded when somebody wants one. */
function OnPhone({ app, disabled }: { app: string; disabled: boolean }) {
  const { t } = useTranslation("stage");
  const [wanted, setWanted] = useState(false);
  const button = (
    <IconButton
      icon="code"
      label={t("phone.open")}
      disabled={disabled || wanted}
      data-testid="phone-code"
      onClick={() => setWanted(true)}
    />
  );
  if (!wanted) return button;
  return (
    <Suspense fallback={button}>
      <PhoneCode app={app} disabled={disabled} />
    </Suspense>
  );
}
