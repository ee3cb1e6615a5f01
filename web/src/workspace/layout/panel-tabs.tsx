// On a phone the panels take turns; the preview comes first.
import { strings } from "../../strings";
import styles from "./layout.module.css";

export const PANELS = ["preview", "code", "files", "site", "log"] as const;
export type Panel = (typeof PANELS)[number];

export function panelOf(name: string): Panel {
  return PANELS.find((panel) => panel === name) ?? "preview";
}

export function PanelTabs({ panel, onPanel }: { panel: Panel; onPanel: (panel: Panel) => void }) {
  return (
    <nav className={styles.panelTabs} aria-label={strings.workspace.panelsLabel}>
      {PANELS.map((name) => (
        <button
          key={name}
          type="button"
          aria-current={name === panel ? "page" : undefined}
          data-testid={`panel-${name}`}
          onClick={() => onPanel(name)}
        >
          {strings.workspace.panels[name]}
        </button>
      ))}
    </nav>
  );
}
