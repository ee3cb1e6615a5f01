// The list of conversations and which one is open; every change is stored.
import { useCallback, useEffect, useState } from "react";
import { type Conversation, loadConversations, newConversation, storeConversations } from "./conversations";
import type { Turn } from "./runtime/turns";

interface State {
  all: Conversation[];
  currentId: string;
}

export function useConversations() {
  const [state, setState] = useState<State>(() => startIn(loadConversations()));

  useEffect(() => storeConversations(state.all), [state.all]);

  const save = useCallback((id: string, turns: Turn[]) => {
    setState((previous) => ({
      ...previous,
      all: previous.all.map((conversation) => (conversation.id === id ? { ...conversation, turns } : conversation)),
    }));
  }, []);

  return {
    all: state.all,
    current: currentOf(state),
    save,
    select: (id: string) => setState((previous) => ({ ...previous, currentId: id })),
    start: () => setState((previous) => startIn(previous.all)),
    remove: (id: string) => setState((previous) => withoutConversation(previous, id)),
  };
}

/** Opens an empty conversation: the unused one at the top if there is one, otherwise a new one. */
function startIn(all: Conversation[]): State {
  const unused = all.find((conversation) => conversation.turns.length === 0);
  if (unused) return { all, currentId: unused.id };
  const fresh = newConversation();
  return { all: [fresh, ...all], currentId: fresh.id };
}

function withoutConversation(state: State, id: string): State {
  const rest = state.all.filter((conversation) => conversation.id !== id);
  return id === state.currentId || rest.length === 0 ? startIn(rest) : { ...state, all: rest };
}

function currentOf(state: State): Conversation {
  const current = state.all.find((conversation) => conversation.id === state.currentId);
  if (!current) throw new Error("The open conversation is not in the list.");
  return current;
}
