// The open files, one of them shown.
import type { Person } from "@vitrine/client/channel";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../components/button";
import type { DraftState } from "../draft/draft-state";
import { PeopleMarks } from "../presence/people-marks";
import styles from "./editor.module.css";
import type { Tabs } from "./use-tabs";

interface TabBarProps {
  tabs: Tabs;
  state: DraftState;
  people: ReadonlyMap<string, readonly Person[]>;
}

export function TabBar({ tabs, state, people }: TabBarProps) {
  const { t } = useTranslation("editor");
  const bar = useRef<HTMLDivElement>(null);
  const tabOf = (path: string) =>
    bar.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another tab is scrolled to
  useEffect(() => {
    tabOf(tabs.active)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tabs.active]);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>, path: string) => {
    const index = tabs.paths.indexOf(path);
    if (event.key === "Delete") {
      const neighbour = tabs.paths[index + 1] ?? tabs.paths[index - 1];
      tabs.close(path);
      if (neighbour !== undefined) requestAnimationFrame(() => tabOf(neighbour)?.focus());
    }
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.paths.length - 1 }[
      event.key
    ];
    const target = next === undefined ? undefined : tabs.paths[next];
    if (target === undefined) return;
    event.preventDefault();
    tabs.open(target);
    tabOf(target)?.focus();
  };
  return (
    <div ref={bar} className={styles.tabs} role="tablist" aria-label={t("tabs")}>
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
              aria-keyshortcuts="Delete"
              tabIndex={active ? 0 : -1}
              data-path={path}
              data-conflict={file?.kind === "text" && file.conflict !== undefined}
              title={path}
              onClick={() => tabs.open(path)}
              onAuxClick={(event) => event.button === 1 && tabs.close(path)}
              onKeyDown={(event) => onKeyDown(event, path)}
            >
              {path.slice(path.lastIndexOf("/") + 1)}
              <PeopleMarks people={people.get(path)} />
              {unsaved && <span className={styles.unsaved} role="img" aria-label={t("unsaved")} />}
            </button>
            {/* For the pointer; the keyboard has Delete, and a command. */}
            <span aria-hidden="true">
              <IconButton
                small
                icon="close"
                tabIndex={-1}
                label={t("closeTab", { path })}
                onClick={() => tabs.close(path)}
              />
            </span>
          </div>
        );
      })}
    </div>
  );
}
