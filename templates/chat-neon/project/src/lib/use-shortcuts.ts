// Keys that work wherever the focus is. Command on a Mac, Control elsewhere.
import { useEffect, useEffectEvent } from "react";

interface Shortcuts {
  palette: () => void;
  clear: () => void;
  stop: () => void;
}

const MODIFIED_KEYS: Partial<Record<string, keyof Shortcuts>> = { k: "palette", l: "clear" };
const PLAIN_KEYS: Partial<Record<string, keyof Shortcuts>> = { Escape: "stop" };

export function useShortcuts(shortcuts: Shortcuts): void {
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const withModifier = event.metaKey || event.ctrlKey;
    const action = withModifier ? MODIFIED_KEYS[event.key] : PLAIN_KEYS[event.key];
    if (!action) return;
    if (withModifier) event.preventDefault();
    shortcuts[action]();
  });

  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event);
    window.addEventListener("keydown", listener);
    return () => window.removeEventListener("keydown", listener);
  }, []);
}
