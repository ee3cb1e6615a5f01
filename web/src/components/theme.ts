// Light or dark: the system's choice until the person makes one, which is remembered.
import { useSyncExternalStore } from "react";
import { readStored, writeStored } from "./stored";

export type Theme = "light" | "dark";

const KEY = "theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function currentTheme(): Theme {
  const chosen = readStored(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemDark.matches ? "dark" : "light";
}

/** Puts the theme on the document; call again whenever it may have changed. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
  for (const listener of listeners) listener();
}

systemDark.addEventListener("change", applyTheme);

export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentTheme);
  const choose = (next: Theme) => {
    // Choosing what the system says means following it again.
    writeStored(KEY, next === (systemDark.matches ? "dark" : "light") ? null : next);
    applyTheme();
  };
  return [theme, choose];
}
