// What can be done from the keyboard: whoever shows something registers its commands for as long as it is shown.
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface Command {
  /** Stable, such as `preview.reload`. */
  id: string;
  /** As the person reads it. */
  title: string;
  /** What it belongs to, as the person reads it. */
  section: string;
  /** A shortcut such as `Mod+Shift+P`; `Mod` is Command on a Mac and Control elsewhere. */
  keys?: string;
  disabled?: boolean;
  run: () => void;
}

const groups = new Map<symbol, readonly Command[]>();
const listeners = new Set<() => void>();
let all: readonly Command[] = [];

function changed(): void {
  all = [...groups.values()].flat();
  for (const listener of listeners) listener();
}

/** Offers `commands` while the component is there; the latest render's `run` is what runs. */
export function useCommands(commands: readonly Command[]): void {
  const latest = useRef(commands);
  latest.current = commands;
  const shape = JSON.stringify(commands.map(({ run: _, ...command }) => command));
  // biome-ignore lint/correctness/useExhaustiveDependencies: functions differ in every render, what is seen of them does not
  useEffect(() => {
    const group = Symbol();
    const offered = latest.current.map((command, index) => ({
      ...command,
      run: () => latest.current[index]?.run(),
    }));
    groups.set(group, offered);
    changed();
    return () => {
      groups.delete(group);
      changed();
    };
  }, [shape]);
}

/** Every command that is offered now. */
export function useOfferedCommands(): readonly Command[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => all,
  );
}

/** The same, for whoever reacts to a key and draws nothing. */
export function offeredCommands(): readonly Command[] {
  return all;
}
