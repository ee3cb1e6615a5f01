// Above a preview: reload, the size it is looked at in, and a tab of its own.
import type { Device } from "./devices.js";
import { useShared } from "./provider.js";

const DEVICES = ["desktop", "tablet", "phone"] as const;

interface PreviewToolbarProps {
  device: Device;
  onDevice: (device: Device) => void;
  onRotate: () => void;
  onReload: () => Promise<void>;
  onOpenTab: () => Promise<void>;
  isDisabled: boolean;
}

export function PreviewToolbar(props: PreviewToolbarProps) {
  const { device, onDevice, onRotate, onReload, onOpenTab, isDisabled } = props;
  const { texts } = useShared();
  return (
    <div className="vitrine-toolbar">
      <Tool label={texts.reload} path={RELOAD} isDisabled={isDisabled} onClick={() => void onReload()} />
      <fieldset className="vitrine-toolbar__devices" aria-label={texts.device}>
        {DEVICES.map((name) => (
          <button
            key={name}
            type="button"
            className="vitrine-button"
            aria-pressed={device === name}
            onClick={() => onDevice(name)}
          >
            {texts[name]}
          </button>
        ))}
      </fieldset>
      <Tool label={texts.rotate} path={ROTATE} isDisabled={device === "desktop"} onClick={onRotate} />
      <Tool label={texts.openTab} path={OPEN} isDisabled={isDisabled} onClick={() => void onOpenTab()} />
    </div>
  );
}

const RELOAD = "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3";
const ROTATE =
  "M3 6V3.5A1.5 1.5 0 0 1 4.5 2h4A1.5 1.5 0 0 1 10 3.5V5M6 8h6.5A1.5 1.5 0 0 1 14 9.5v3a1.5 1.5 0 0 1-1.5 1.5H6zM3 9v4";
const OPEN = "M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5";

interface ToolProps {
  label: string;
  /** Of a drawing of 16 by 16. */
  path: string;
  isDisabled: boolean;
  onClick: () => void;
}

function Tool({ label, path, isDisabled, onClick }: ToolProps) {
  return (
    <button
      type="button"
      className="vitrine-button"
      data-look="icon"
      aria-label={label}
      title={label}
      disabled={isDisabled}
      onClick={onClick}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" aria-hidden="true">
        <path d={path} strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
    </button>
  );
}
