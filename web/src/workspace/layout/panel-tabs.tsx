// On a phone the panels take turns; the preview comes first. What is needed less often is behind the last button.
import { Menu } from "@base-ui/react/menu";
import { useTranslation } from "react-i18next";
import menuStyles from "../files/file-menu.module.css";
import styles from "./layout.module.css";
import type { Panel } from "./views";

const FIRST = ["preview", "code", "files", "changes"] as const;
const MORE = ["search", "site", "settings", "log"] as const;

export default function PanelTabs({ panel, onPanel }: { panel: Panel; onPanel: (panel: Panel) => void }) {
  const { t } = useTranslation("frame");
  const isMore = MORE.some((name) => name === panel);
  return (
    <nav className={styles.panelTabs} aria-label={t("panelsLabel")}>
      {FIRST.map((name) => (
        <button
          key={name}
          type="button"
          aria-current={name === panel ? "page" : undefined}
          data-testid={`panel-${name}`}
          onClick={() => onPanel(name)}
        >
          {t(`panels.${name}`)}
        </button>
      ))}
      <Menu.Root modal={false}>
        <Menu.Trigger aria-current={isMore ? "page" : undefined} data-testid="panel-more">
          {isMore ? t(`panels.${panel}`) : t("more")}
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner className={menuStyles.positioner} side="top" align="end" sideOffset={6}>
            <Menu.Popup className={menuStyles.popup}>
              {MORE.map((name) => (
                <Menu.Item
                  key={name}
                  className={menuStyles.item}
                  data-testid={`panel-${name}`}
                  onClick={() => onPanel(name)}
                >
                  {t(`panels.${name}`)}
                </Menu.Item>
              ))}
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
    </nav>
  );
}
