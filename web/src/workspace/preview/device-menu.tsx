// How large the page is looked at: all of the stage, or the screen of a device.
import { Menu } from "@base-ui/react/menu";
import { useTranslation } from "react-i18next";
import buttonStyles from "../../components/button.module.css";
import { Icon } from "../../components/icon";
import { DEVICES, type Device, nameOfView, sizeOfView, type View, viewOf } from "./devices";
import styles from "./preview-bar.module.css";

const NAMES = Object.keys(DEVICES) as Device[];

interface DeviceMenuProps {
  view: View;
  onView: (view: View) => void;
}

export function DeviceMenu({ view, onView }: DeviceMenuProps) {
  const { t } = useTranslation("stage");
  const icon = view.kind === "device" && view.device === "phone" ? "phone" : "monitor";
  // However it is turned, it is the same device; what was dragged to a size of its own is none of them.
  const value = view.kind === "device" ? view.device : view.kind;
  const choose = (name: string) => onView(name === "custom" ? customFrom(view) : viewOf(name));
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger
        className={buttonStyles.icon}
        aria-label={t("device.label")}
        title={t("device.label")}
        data-testid="device"
        data-view={nameOfView(view)}
      >
        <Icon name={icon} />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end">
          <Menu.Popup className={styles.popup}>
            <Menu.RadioGroup value={value} onValueChange={choose}>
              <Choice value="fill" label={t("device.fill")} />
              {NAMES.map((name) => (
                <Choice key={name} value={name} label={t(`device.${name}`)} size={DEVICES[name]} />
              ))}
              <Choice value="custom" label={t("device.custom")} />
            </Menu.RadioGroup>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

interface ChoiceProps {
  value: string;
  label: string;
  size?: { width: number; height: number };
}

function Choice({ value, label, size }: ChoiceProps) {
  return (
    <Menu.RadioItem value={value} className={styles.option} data-testid={`device-${value}`} closeOnClick>
      <span>{label}</span>
      {size && (
        <span className={styles.figures}>
          {size.width} × {size.height}
        </span>
      )}
    </Menu.RadioItem>
  );
}

/** A size of one's own begins with the one that is seen. */
function customFrom(view: View): View {
  return { kind: "custom", size: sizeOfView(view) ?? DEVICES.phone };
}
