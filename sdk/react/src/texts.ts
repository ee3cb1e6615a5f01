// The words of the components, in English and German. Those of the server (what went wrong, and where) come as they are.
import type { PublishStepName, StepName } from "@vitrine/client";

export type Language = "en" | "de";

export interface Texts {
  preview: string;
  reload: string;
  openTab: string;
  device: string;
  desktop: string;
  tablet: string;
  phone: string;
  rotate: string;
  starting: string;
  waiting: string;
  ended: string;
  start: string;
  asleep: string;
  wake: string;
  tryAgain: string;
  publish: string;
  publishing: string;
  cancel: string;
  published: string;
  view: string;
  notPublished: string;
  cancelled: string;
  superseded: string;
  console: string;
  consoleEmpty: string;
  clear: string;
  faultsOnly: string;
  noAnswer: string;
  dropped: (count: number) => string;
  requestId: (id: string) => string;
  previewSteps: Record<StepName, string>;
  publishSteps: Record<PublishStepName, string>;
}

const ENGLISH: Texts = {
  preview: "Preview",
  reload: "Reload",
  openTab: "Open in a new tab",
  device: "Size",
  desktop: "Desktop",
  tablet: "Tablet",
  phone: "Phone",
  rotate: "Rotate",
  starting: "Your preview is starting",
  waiting: "Looking for your preview",
  ended: "This preview has ended. Everything in it is kept.",
  start: "Start again",
  asleep: "This preview is asleep. It wakes up as soon as you use it.",
  wake: "Wake up",
  tryAgain: "Try again",
  publish: "Publish",
  publishing: "Publishing",
  cancel: "Cancel",
  published: "Published",
  view: "Open your site",
  notPublished: "That did not work. Visitors see what they saw before.",
  cancelled: "Cancelled. Visitors see what they saw before.",
  superseded: "Something newer was published instead.",
  console: "Console",
  consoleEmpty: "Nothing here yet. What your page logs, and what goes wrong in it, shows up here.",
  clear: "Clear",
  faultsOnly: "Only what went wrong",
  noAnswer: "no answer",
  dropped: (count) => `${count} more messages came too fast to show`,
  requestId: (id) => `Request ${id}`,
  previewSteps: {
    files: "Files",
    toolchain: "Node.js",
    layer: "Packages",
    sandbox: "Sandbox",
    dev_server: "Dev server",
  },
  publishSteps: {
    check: "Checking",
    toolchain: "Getting Node.js ready",
    layer: "Getting packages ready",
    build: "Building",
    pack: "Packing",
    upload: "Uploading",
    verify: "Looking everything over",
    switch: "Going live",
  },
};

const GERMAN: Texts = {
  preview: "Vorschau",
  reload: "Neu laden",
  openTab: "In neuem Tab öffnen",
  device: "Größe",
  desktop: "Desktop",
  tablet: "Tablet",
  phone: "Handy",
  rotate: "Drehen",
  starting: "Deine Vorschau startet",
  waiting: "Deine Vorschau wird gesucht",
  ended: "Diese Vorschau ist beendet. Alles darin ist aufgehoben.",
  start: "Wieder starten",
  asleep: "Diese Vorschau schläft. Sie wacht auf, sobald du sie benutzt.",
  wake: "Aufwecken",
  tryAgain: "Noch einmal",
  publish: "Veröffentlichen",
  publishing: "Wird veröffentlicht",
  cancel: "Abbrechen",
  published: "Veröffentlicht",
  view: "Deine Seite öffnen",
  notPublished: "Das hat nicht geklappt. Besucher sehen, was sie vorher sahen.",
  cancelled: "Abgebrochen. Besucher sehen, was sie vorher sahen.",
  superseded: "Stattdessen wurde etwas Neueres veröffentlicht.",
  console: "Konsole",
  consoleEmpty: "Noch nichts hier. Was deine Seite meldet und was in ihr schiefgeht, erscheint hier.",
  clear: "Leeren",
  faultsOnly: "Nur was schiefging",
  noAnswer: "keine Antwort",
  dropped: (count) => `${count} weitere Meldungen kamen zu schnell, um sie zu zeigen`,
  requestId: (id) => `Anfrage ${id}`,
  previewSteps: {
    files: "Dateien",
    toolchain: "Node.js",
    layer: "Pakete",
    sandbox: "Sandbox",
    dev_server: "Dev-Server",
  },
  publishSteps: {
    check: "Wird geprüft",
    toolchain: "Node.js wird bereitgestellt",
    layer: "Pakete werden bereitgestellt",
    build: "Wird gebaut",
    pack: "Wird gepackt",
    upload: "Wird hochgeladen",
    verify: "Wird nachgesehen",
    switch: "Geht online",
  },
};

export function textsOf(language: Language): Texts {
  return language === "de" ? GERMAN : ENGLISH;
}
