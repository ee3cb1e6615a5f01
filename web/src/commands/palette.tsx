// Every command that there is right now, and every app, by typing a few letters.
import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { listApps } from "../api/calls";
import { showWindow } from "./center";
import { type Command, useOfferedCommands } from "./commands";
import { KeyCaps } from "./key-caps";
import styles from "./palette.module.css";
import { found } from "./ranking";

/** The palette is opened again and again: the apps of a moment ago will do. */
const STALE_MS = 30_000;

interface Group {
  value: string;
  items: Command[];
}

export default function Palette() {
  const { t } = useTranslation(["palette", "common"]);
  const [open, setOpen] = useState(true);
  const [query, setQuery] = useState("");
  const chosen = useRef<Command>(undefined);
  const groups = groupsOf(found(useEverything(), query));
  const choose = (command: Command) => {
    chosen.current = command;
    setOpen(false);
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={setOpen}
      onOpenChangeComplete={(isOpen) => {
        if (isOpen) return;
        showWindow(undefined);
        // Only now: the focus is back where it was, and the command may take it elsewhere.
        chosen.current?.run();
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className={styles.backdrop} />
        <Dialog.Popup className={styles.window} aria-label={t("label")} data-testid="palette">
          <Autocomplete.Root
            open
            inline
            items={groups}
            filter={null}
            value={query}
            onValueChange={setQuery}
            itemToStringValue={(command: Command) => command.title}
            autoHighlight="always"
            keepHighlight
          >
            <Autocomplete.Input
              className={styles.search}
              aria-label={t("search")}
              placeholder={t("search")}
            />
            <Results query={query} onChoose={choose} />
          </Autocomplete.Root>
          <Dialog.Close className="visually-hidden">{t("common:close")}</Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface ResultsProps {
  query: string;
  onChoose: (command: Command) => void;
}

function Results({ query, onChoose }: ResultsProps) {
  const { t } = useTranslation("palette");
  return (
    <>
      <Autocomplete.Empty>
        <p className={styles.empty}>{t("none", { query })}</p>
      </Autocomplete.Empty>
      <Autocomplete.List className={styles.list}>
        {(group: Group) => (
          <Autocomplete.Group key={group.value} items={group.items} className={styles.group}>
            <Autocomplete.GroupLabel className={styles.section}>{group.value}</Autocomplete.GroupLabel>
            <Autocomplete.Collection>
              {(command: Command) => (
                <Autocomplete.Item
                  key={command.id}
                  value={command}
                  className={styles.item}
                  disabled={command.disabled ?? false}
                  onClick={() => onChoose(command)}
                  data-testid={`command-${command.id}`}
                >
                  <span className={styles.title}>{command.title}</span>
                  {command.keys !== undefined && <KeyCaps keys={command.keys} />}
                </Autocomplete.Item>
              )}
            </Autocomplete.Collection>
          </Autocomplete.Group>
        )}
      </Autocomplete.List>
    </>
  );
}

/** The commands that are offered, without the palette itself, and the apps. */
function useEverything(): Command[] {
  const { t } = useTranslation("palette");
  const [, navigate] = useLocation();
  const offered = useOfferedCommands();
  const apps = useQuery({
    queryKey: ["palette-apps"],
    queryFn: ({ signal }) => listApps(undefined, signal),
    staleTime: STALE_MS,
  });
  return useMemo(() => {
    const section = t("apps");
    const links = (apps.data?.items ?? []).map(({ id, name }) => ({
      id: `app.${id}`,
      title: name,
      section,
      run: () => navigate(`/apps/${id}`),
    }));
    const useful = offered.filter(({ id }) => id !== "palette.open");
    // What belongs to what is on the screen first; what is there everywhere is known soon.
    return [...useful.filter((command) => !isGlobal(command)), ...links, ...useful.filter(isGlobal)];
  }, [offered, apps.data, t, navigate]);
}

function isGlobal({ id }: Command): boolean {
  return /^(page|look|shortcuts)\./.test(id);
}

/** By section, the sections in the order of their best commands. */
function groupsOf(commands: readonly Command[]): Group[] {
  const groups = new Map<string, Command[]>();
  for (const command of commands)
    groups.set(command.section, [...(groups.get(command.section) ?? []), command]);
  return [...groups].map(([value, items]) => ({ value, items }));
}
