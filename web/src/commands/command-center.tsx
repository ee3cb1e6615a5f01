// Stands once in the page: runs commands by their keys, offers those that are there everywhere, and shows the palette.
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { useTheme } from "../components/theme";
import { chooseLanguage, currentLanguage, LANGUAGES, type Language } from "../i18n/i18n";
import { useMe } from "../pages/use-me";
import { shownWindow, showWindow, useShownWindow } from "./center";
import { type Command, offeredCommands, useCommands } from "./commands";
import { isTyped, matches } from "./keys";

const Palette = lazy(() => import("./palette"));
const Shortcuts = lazy(() => import("./shortcuts"));

export function CommandCenter() {
  const shown = useShownWindow();
  useCommandKeys();
  useCommands([...useWindows(), ...usePages(), ...useLooks()]);
  return (
    <Suspense>
      {shown === "palette" && <Palette />}
      {shown === "shortcuts" && <Shortcuts />}
    </Suspense>
  );
}

function useWindows(): Command[] {
  const { t } = useTranslation("palette");
  const section = t("shortcuts.general");
  const toggle = (window: "palette" | "shortcuts") =>
    showWindow(shownWindow() === window ? undefined : window);
  return [
    { id: "palette.open", title: t("open"), section, keys: "Mod+K", run: () => toggle("palette") },
    {
      id: "shortcuts.open",
      title: t("shortcuts.open"),
      section,
      keys: "?",
      run: () => toggle("shortcuts"),
    },
  ];
}

function usePages(): Command[] {
  const { t } = useTranslation("palette");
  const [, navigate] = useLocation();
  const me = useMe();
  const section = t("pages.section");
  const pages: Command[] = [
    { id: "page.home", title: t("pages.home"), section, run: () => navigate("/") },
    { id: "page.settings", title: t("pages.settings"), section, run: () => navigate("/settings") },
  ];
  if (me.data?.runs_server)
    pages.push({ id: "page.machine", title: t("pages.machine"), section, run: () => navigate("/machine") });
  return pages;
}

function useLooks(): Command[] {
  const { t } = useTranslation("palette");
  const [theme, chooseTheme] = useTheme();
  const section = t("look.section");
  const other = theme === "dark" ? "light" : "dark";
  const languages = (Object.keys(LANGUAGES) as Language[]).filter(
    (language) => language !== currentLanguage(),
  );
  return [
    { id: "look.theme", title: t(`look.${other}`), section, run: () => chooseTheme(other) },
    ...languages.map((language) => ({
      id: `look.language.${language}`,
      title: t("look.speak", { language: LANGUAGES[language] }),
      section,
      run: () => void chooseLanguage(language),
    })),
  ];
}

/** Runs the command whose shortcut is pressed. */
function useCommandKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const command = commandFor(event);
      if (command === undefined) return;
      // The browser, or the editor, may know the key as well.
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) command.run();
    };
    addEventListener("keydown", onKey, { capture: true });
    return () => removeEventListener("keydown", onKey, { capture: true });
  }, []);
}

/** What came last is the innermost, and goes first. */
function commandFor(event: KeyboardEvent): Command | undefined {
  if (event.isComposing) return undefined;
  return offeredCommands().findLast(
    ({ id, keys, disabled }) =>
      keys !== undefined &&
      !disabled &&
      matches(keys, event) &&
      !(isTyped(keys) && takesText(event.target)) &&
      // Behind an open window nothing is to happen but its own closing.
      (shownWindow() === undefined || id === "palette.open" || id === "shortcuts.open"),
  );
}

const SILENT_INPUTS = new Set(["button", "checkbox", "radio", "submit", "reset", "range", "color", "file"]);

function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !SILENT_INPUTS.has(target.type);
  return target.isContentEditable || target.matches("textarea, select");
}
