// Going back and forth in the app's history: undo, redo, restore. All of it goes after what was typed, and loses nothing.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import i18next from "i18next";
import { asProblem } from "../../api/problem";
import { createRevision, redoDraft, restoreRevision, undoDraft } from "../../api/revision-calls";
import { showToast } from "../../components/toast";
import type { DraftSync } from "../draft/draft-sync";

export type Journey =
  | { kind: "undo" }
  | { kind: "redo" }
  | { kind: "restore"; revision: string; name: string };

export interface Travel {
  go: (journey: Journey) => void;
  /** The one that is going on. */
  going: Journey | undefined;
}

export function useTravel(app: string, draft: DraftSync): Travel {
  const queryClient = useQueryClient();
  const travel = useMutation({
    mutationFn: async (journey: Journey) => {
      try {
        await draft.travel((key) => callOf(app, journey, key));
        return sentenceOf(journey);
      } catch (error) {
        const { code } = asProblem(error);
        if (code === "nothing_to_undo") return i18next.t("changes:nothingToUndo");
        if (code === "nothing_to_redo") return i18next.t("changes:nothingToRedo");
        throw error;
      }
    },
    onSuccess: (title) => showToast({ title }),
    onError: (error) => {
      const { title, detail } = asProblem(error);
      showToast({ title, description: detail, tone: "bad" });
    },
    onSettled: () => {
      void queryClient.invalidateQueries({ queryKey: ["revisions", app] });
    },
  });
  return {
    // One after the other: whoever presses undo three times goes three steps back.
    go: (journey) => travel.mutate(journey),
    going: travel.isPending ? travel.variables : undefined,
  };
}

async function callOf(app: string, journey: Journey, key: string): Promise<{ version: number }> {
  if (journey.kind === "undo") return undoDraft(app, key);
  if (journey.kind === "redo") return redoDraft(app, key);
  // What is there now stays to be found; nothing new is made when it is a checkpoint already.
  await createRevision(app, i18next.t("changes:beforeRestore", { name: journey.name }), `${key}-before`);
  return restoreRevision(app, journey.revision, key);
}

function sentenceOf(journey: Journey): string {
  if (journey.kind === "undo") return i18next.t("changes:undone");
  if (journey.kind === "redo") return i18next.t("changes:redone");
  return i18next.t("changes:restored", { name: journey.name });
}
