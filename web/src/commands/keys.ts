// Shortcuts such as `Mod+Shift+P`: what they mean on this machine, which key press is one, and how people read them.
import { currentLanguage } from "../i18n/i18n";

interface Keys {
  key: string;
  mod: boolean;
  shift: boolean;
  alt: boolean;
}

/** What of a key press decides; every `KeyboardEvent` has it. */
export type KeyPress = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** Whether `Mod` is Command. */
export function isApple(): boolean {
  return typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);
}

export function parseKeys(keys: string): Keys {
  const parts = keys.endsWith("+") ? [...keys.slice(0, -2).split("+"), "+"] : keys.split("+");
  const has = (name: string) => parts.slice(0, -1).includes(name);
  return { key: parts.at(-1) ?? "", mod: has("Mod"), shift: has("Shift"), alt: has("Alt") };
}

/** Whether `press` is the shortcut. */
export function matches(keys: string, press: KeyPress, apple = isApple()): boolean {
  const { key, mod, shift, alt } = parseKeys(keys);
  const [main, other] = apple ? [press.metaKey, press.ctrlKey] : [press.ctrlKey, press.metaKey];
  if (main !== mod || other || press.altKey !== alt) return false;
  // Whether a sign such as `?` needs Shift is the keyboard's business.
  const isSign = key.length === 1 && !/[a-z0-9]/i.test(key);
  if (!isSign && press.shiftKey !== shift) return false;
  if (press.key.toLowerCase() === key.toLowerCase()) return true;
  // With Alt, or in another script, the key gives another letter than the one printed on it.
  return /^[a-z]$/i.test(key) && !/^[a-z]$/i.test(press.key) && press.code === `Key${key.toUpperCase()}`;
}

/** True for a shortcut that does something in a text by itself, and so belongs to whoever is typing. */
export function isTyped(keys: string): boolean {
  const { key, mod, alt } = parseKeys(keys);
  return !mod && !alt && !/^F\d+$/.test(key);
}

const APPLE: Record<string, string> = { Mod: "⌘", Shift: "⇧", Alt: "⌥", Enter: "↩", Escape: "esc" };
const NAMES: Record<string, Record<string, string>> = {
  en: { Mod: "Ctrl", Escape: "Esc" },
  de: { Mod: "Strg", Shift: "Umschalt", Enter: "Eingabe", Escape: "Esc", Delete: "Entf" },
};

/** The keys one by one, as they are printed on keyboards. */
export function keyNames(keys: string, apple = isApple()): string[] {
  const { key, mod, shift, alt } = parseKeys(keys);
  const names = apple ? APPLE : NAMES[currentLanguage()];
  const parts = [...(mod ? ["Mod"] : []), ...(alt ? ["Alt"] : []), ...(shift ? ["Shift"] : []), key];
  return parts.map((part) => names?.[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** As one text: `Ctrl+Shift+P`, on a Mac `⌘⇧P`. */
export function keysLabel(keys: string, apple = isApple()): string {
  return keyNames(keys, apple).join(apple ? "" : "+");
}

/** For `aria-keyshortcuts`. */
export function ariaKeys(keys: string, apple = isApple()): string {
  return keys.replace("Mod", apple ? "Meta" : "Control");
}
