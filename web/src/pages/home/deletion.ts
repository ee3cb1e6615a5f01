// Deleting an app with a way back: it leaves the list at once, and is deleted when the message that offers the way back
// goes. The server cannot bring an app back, so until then it is not asked. Whoever leaves the page deletes nothing.
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import i18next from "i18next";
import { useSyncExternalStore } from "react";
import { deleteApp } from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { App } from "../../api/types";
import { showToast } from "../../components/toast";

/** Time to notice a slip. */
const GRACE_MS = 8_000;

let doomed: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

function setDoomed(next: ReadonlySet<string>): void {
  doomed = next;
  for (const listener of listeners) listener();
}

function spare(app: string): void {
  setDoomed(new Set([...doomed].filter((id) => id !== app)));
}

/** The apps that are about to be deleted. */
export function useDoomed(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => doomed,
  );
}

export function useDeletion(): { doom: (app: Pick<App, "id" | "name">) => void } {
  const queryClient = useQueryClient();
  return {
    doom: ({ id, name }) => {
      setDoomed(new Set([...doomed, id]));
      showToast({
        title: i18next.t("home:deleteSoon", { name }),
        description: i18next.t("home:deleteSoonDetail", { seconds: GRACE_MS / 1_000 }),
        timeoutMs: GRACE_MS,
        action: { label: i18next.t("common:undo"), run: () => spare(id) },
        onGone: () => void remove(id, name, queryClient),
      });
    },
  };
}

async function remove(id: string, name: string, queryClient: QueryClient): Promise<void> {
  try {
    await deleteApp(id).catch((error: unknown) => {
      // Somebody else may have deleted it already; the result is the same.
      if (asProblem(error).status !== 404) throw error;
    });
    await queryClient.invalidateQueries({ queryKey: ["apps"] });
  } catch (error) {
    const { title, detail } = asProblem(error);
    showToast({
      title: i18next.t("home:deleteFailed", { name }),
      description: `${title}. ${detail}`,
      tone: "bad",
      timeoutMs: 0,
    });
  } finally {
    spare(id);
  }
}
