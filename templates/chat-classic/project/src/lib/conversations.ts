// Conversations as this browser keeps them.
import { RuntimeError } from "./runtime/errors";
import { isOpen, type Turn } from "./runtime/turns";

export interface Conversation {
  id: string;
  turns: Turn[];
}

const STORAGE_KEY = "harbour:conversations:v1";
const MAX_KEPT = 50;

export function newConversation(): Conversation {
  return { id: `conversation-${Date.now()}`, turns: [] };
}

export function titleOf(conversation: Conversation): string {
  const first = conversation.turns[0];
  if (!first) return "New conversation";
  return first.isSample ? `Sample: ${first.question}` : first.question;
}

/** The stored conversations, newest first; none when nothing is stored or the stored text is not ours. */
export function loadConversations(): Conversation[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(stored) ? (stored as Conversation[]).map(revive) : [];
  } catch {
    return [];
  }
}

export function storeConversations(conversations: Conversation[]): void {
  const kept = conversations.filter((conversation) => conversation.turns.length > 0).slice(0, MAX_KEPT);
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(kept));
  } catch {
    // Storage is full or forbidden: the conversations live until the page is left.
  }
}

/** A reload ends running answers, and JSON does not carry the error's class or message. */
function revive(conversation: Conversation): Conversation {
  return { ...conversation, turns: conversation.turns.map(reviveTurn) };
}

function reviveTurn(turn: Turn): Turn {
  if (isOpen(turn)) return { ...turn, status: "stopped" };
  if (turn.status === "failed") {
    return { ...turn, error: new RuntimeError("interrupted", "This question was not answered.") };
  }
  return turn;
}
