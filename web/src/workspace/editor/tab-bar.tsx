// The open files, one of them shown.
import type { KeyboardEvent } from "react";
import { IconButton } from "../../components/button";
import { strings } from "../../strings";
import type { DraftState } from "../draft/draft-state";
import styles from "./editor.module.css";
import type { Tabs } from "./use-tabs";

export function TabBar({ tabs, state }: { tabs: Tabs; state: DraftState }) {
  const onKeyDown = (event: KeyboardEvent<HTMLElement>, path: string) => {
    const index = tabs.paths.indexOf(path);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1 }[event.key];
    const target = next === undefined ? undefined : tabs.paths[next];
    if (event.key === "Delete") tabs.close(path);
    if (target === undefined) return;
    event.preventDefault();
    tabs.open(target);
    const bar = event.currentTarget.closest("[role=tablist]");
    bar?.querySelector<HTMLElement>(`[data-path="${CSS.escape(target)}"]`)?.focus();
  };
  return (
    <div className={styles.tabs} role="tablist" aria-label={strings.editor.tabs}>
      {tabs.paths.map((path) => {
        const file = state.openFiles.get(path);
        const unsaved = file?.kind === "text" && file.dirty;
        const active = path === tabs.active;
        return (
          <div key={path} className={styles.tab} data-active={active} role="presentation">
            <button
              type="button"
              role="tab"
              className={styles.tabName}
              aria-selected={active}
              tabIndex={active ? 0 : -1}
              data-path={path}
              title={path}
              onClick={() => tabs.open(path)}
              onAuxClick={(event) => event.button === 1 && tabs.close(path)}
              onKeyDown={(event) => onKeyDown(event, path)}
            >
              {path.slice(path.lastIndexOf("/") + 1)}
              {unsaved && <span className={styles.unsaved} role="img" aria-label={strings.editor.unsaved} />}
            </button>
            <IconButton
              small
              icon="close"
              tabIndex={active ? 0 : -1}
              label={strings.editor.closeTab(path)}
              onClick={() => tabs.close(path)}
            />
          </div>
        );
      })}
    </div>
  );
}
