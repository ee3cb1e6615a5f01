// Starts a publish of what the person sees: saves first, asks once, and puts it at the head of the list.
import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { type PublishWish, publishApp } from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { Page, Publish } from "../../api/types";
import type { SaveState } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";

/** The draft could not be saved, so what would be published is not what the person sees. */
export class Unsaved extends Error {
  readonly save: SaveState;
  constructor(save: SaveState) {
    super(save.status);
    this.save = save;
  }
}

/** Asks for a publish of the draft; `onStart` is told before anything is sent. */
export function useStart(app: string, draft: DraftSync, wish: PublishWish, onStart: () => void) {
  const queryClient = useQueryClient();
  const [phase, setPhase] = useState<"saving" | "asking">("saving");
  // A request whose answer got lost is sent again under its key, as long as it would publish the same.
  const lost = useRef<{ key: string; version: number | null }>(undefined);
  const start = useMutation({
    mutationFn: async () => {
      onStart();
      setPhase("saving");
      const save = await draft.saved();
      if (save.status !== "saved") throw new Unsaved(save);
      setPhase("asking");
      const { version } = draft.state;
      const key = lost.current?.version === version ? lost.current.key : newKey();
      lost.current = { key, version };
      try {
        const publish = await publishApp(app, wish, key);
        lost.current = undefined;
        return publish;
      } catch (error) {
        if (!asProblem(error).isTransient) lost.current = undefined;
        throw error;
      }
    },
    onSuccess: async (publish) => {
      const queryKey = ["publishes", app];
      // An answer that was on its way does not know of this publish.
      await queryClient.cancelQueries({ queryKey });
      queryClient.setQueryData<InfiniteData<Page<Publish>>>(queryKey, (known) => withFirst(known, publish));
      await queryClient.invalidateQueries({ queryKey });
    },
  });
  return { start, phase };
}

/** The list with `publish` in front. */
function withFirst(
  known: InfiniteData<Page<Publish>> | undefined,
  publish: Publish,
): InfiniteData<Page<Publish>> {
  const [first, ...rest] = known?.pages ?? [];
  const others = first?.items.filter(({ id }) => id !== publish.id) ?? [];
  return {
    pages: [{ ...first, items: [publish, ...others] }, ...rest],
    pageParams: known?.pageParams ?? [undefined],
  };
}

/** Unlike `randomUUID`, there on pages that came over plain HTTP too. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}
