// The language of the page: the person's choice, else the browser's; one that we do not speak becomes English.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { readStored, writeStored } from "../components/stored";
import type { Catalogs } from "./catalogs";

/** Each language by its own name. Another one is a folder beside `en`, and a line here and in `load`. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "language";

/** Areas that come with the part of the page that needs them: the first load has a budget. */
const LATER = {
  settings: { en: () => import("./en/settings.json"), de: () => import("./de/settings.json") },
} as const;
type LaterArea = keyof typeof LATER;
const askedFor = new Set<LaterArea>();

/** Only the language that is spoken is loaded. */
async function load(language: Language): Promise<Catalogs> {
  if (language === "de") return (await import("./de")).de;
  return (await import("./en")).en;
}

/** Loads the texts of an area; to be awaited by the module that shows them first. */
export async function loadArea(area: LaterArea): Promise<void> {
  askedFor.add(area);
  await addArea(area, currentLanguage());
}

async function addArea(area: LaterArea, language: Language): Promise<void> {
  const { default: texts } = await LATER[area][language]();
  i18next.addResourceBundle(language, area, texts);
}

function isLanguage(name: string | null | undefined): name is Language {
  return name !== null && name !== undefined && name in LANGUAGES;
}

function preferred(): Language {
  const chosen = readStored(KEY);
  if (isLanguage(chosen)) return chosen;
  const spoken = navigator.languages.map((tag) => tag.split("-")[0]).find(isLanguage);
  return spoken ?? "en";
}

/** Loads the language; to be awaited before anything is rendered. */
export async function startLanguage(language: Language = preferred()): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: await load(language) },
    fallbackLng: false,
    defaultNS: "common",
    interpolation: { escapeValue: false },
  });
  tellDocument(language);
}

/** Speaks another language from here on, and in this browser's next visits. Nothing on the page is lost. */
export async function chooseLanguage(language: Language): Promise<void> {
  const catalogs = await load(language);
  await Promise.all([...askedFor].map((area) => addArea(area, language)));
  for (const [area, texts] of Object.entries(catalogs)) i18next.addResourceBundle(language, area, texts);
  await i18next.changeLanguage(language);
  writeStored(KEY, language);
  tellDocument(language);
}

/** The language that is spoken now, also for numbers and times. */
export function currentLanguage(): Language {
  return isLanguage(i18next.language) ? i18next.language : "en";
}

function tellDocument(language: Language): void {
  if (typeof document !== "undefined") document.documentElement.lang = language;
}
