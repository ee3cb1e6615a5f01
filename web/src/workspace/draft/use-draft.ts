// The draft of an app for as long as this tab lives: leaving the workspace loses nothing that is still on its way.
import { useEffect, useSyncExternalStore } from "react";
import { applyChanges, listFiles, readFile } from "../../api/calls";
import type { DraftState } from "./draft-state";
import { DraftSync } from "./draft-sync";

const drafts = new Map<string, DraftSync>();

function draftOf(app: string): DraftSync {
  let draft = drafts.get(app);
  if (!draft) {
    draft = new DraftSync({
      listFiles: () => listFiles(app),
      readFile: (path) => readFile(app, path),
      applyChanges: (request, key) => applyChanges(app, request, key),
    });
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
  if ([...drafts.values()].some((draft) => draft.hasUnsaved)) event.preventDefault();
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
