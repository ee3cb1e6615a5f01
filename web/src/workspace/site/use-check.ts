// Asks the server what would break a build of the draft as the person sees it.
import { useMutation } from "@tanstack/react-query";
import { validateApp } from "../../api/calls";
import type { Validation } from "../../api/types";
import type { DraftSync } from "../draft/draft-sync";
import { Unsaved } from "./use-start";

export interface CheckHandle {
  /** The last answer, and the draft version it is about. */
  result: { validation: Validation; version: number | null } | undefined;
  pending: boolean;
  error: Error | null;
  run: () => void;
}

export function useCheck(app: string, draft: DraftSync): CheckHandle {
  const check = useMutation({
    mutationFn: async () => {
      const save = await draft.saved();
      if (save.status !== "saved") throw new Unsaved(save);
      const { version } = draft.state;
      return { validation: await validateApp(app), version };
    },
  });
  return {
    result: check.data,
    pending: check.isPending,
    error: check.error,
    run: () => {
      if (!check.isPending) check.mutate();
    },
  };
}
