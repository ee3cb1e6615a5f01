// The editor's own words in the language of the page.
import { EditorState, type Extension } from "@codemirror/state";
import i18next from "i18next";

const PHRASES = {
  Find: "find",
  Replace: "replaceField",
  next: "next",
  previous: "previous",
  all: "all",
  "match case": "matchCase",
  regexp: "regexp",
  "by word": "byWord",
  replace: "replace",
  "replace all": "replaceAll",
  close: "close",
  "Go to line": "goToLine",
  go: "go",
  "$ unchanged lines": "unchanged",
  Diagnostics: "diagnostics",
  "No diagnostics": "noDiagnostics",
} as const;

export function phrases(): Extension {
  const words = Object.entries(PHRASES).map(
    ([own, key]) => [own, i18next.t(`editor:phrases.${key}`)] as const,
  );
  return EditorState.phrases.of(Object.fromEntries(words));
}
