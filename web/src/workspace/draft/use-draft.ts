// The draft of an app for as long as this tab lives: leaving the workspace loses nothing that is still on its way.
import { useEffect, useSyncExternalStore } from "react";
import { applyChanges, listFiles, readFile } from "../../api/calls";
import { clientIdIn } from "../presence/client-id";
import type { DraftState } from "./draft-state";
import { DraftSync } from "./draft-sync";
import { Journal } from "./journal";
import { BrowserJournal, PAGE } from "./journal-storage";

const drafts = new Map<string, DraftSync>();
const storage = new BrowserJournal();

function draftOf(app: string): DraftSync {
  let draft = drafts.get(app);
  if (!draft) {
    draft = new DraftSync(
      {
        listFiles: () => listFiles(app),
        readFile: (path) => readFile(app, path),
        applyChanges: (request, key) => applyChanges(app, request, key, clientIdIn(app)),
      },
      new Journal(app, PAGE, storage),
    );
    drafts.set(app, draft);
  }
  return draft;
}

function onEveryDraft(act: (draft: DraftSync) => void): void {
  for (const draft of drafts.values()) act(draft);
}

addEventListener("online", () => onEveryDraft((draft) => draft.retryNow()));
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") onEveryDraft((draft) => draft.flush());
});
addEventListener("beforeunload", (event) => {
  onEveryDraft((draft) => draft.flush());
  if ([...drafts.values()].some((draft) => draft.isAtRisk)) event.preventDefault();
});

export function useDraft(app: string): { draft: DraftSync; state: DraftState } {
  const draft = draftOf(app);
  const state = useSyncExternalStore(
    (listener) => draft.subscribe(listener),
    () => draft.state,
  );
  useEffect(() => {
    draft.refresh();
    return () => draft.flush();
  }, [draft]);
  return { draft, state };
}
