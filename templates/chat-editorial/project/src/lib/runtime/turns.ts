// A conversation as data: turns, and what each event does to one.
import type { ChatMessage } from "./chat";
import type { RuntimeError } from "./errors";
import type { ChatEvent, ReasoningStep, Source } from "./events";

export type TurnStatus = "waiting" | "streaming" | "done" | "stopped" | "failed";

export interface Turn {
  id: string;
  question: string;
  answer: string;
  steps: ReasoningStep[];
  sources: Source[];
  status: TurnStatus;
  error: RuntimeError | null;
  /** True for example content, which every screen labels as such. */
  isSample: boolean;
}

let turnCount = 0;

export function newTurn(question: string): Turn {
  turnCount += 1;
  return {
    id: `turn-${Date.now()}-${turnCount}`,
    question,
    answer: "",
    steps: [],
    sources: [],
    status: "waiting",
    error: null,
    isSample: false,
  };
}

export function applyEvent(turn: Turn, event: ChatEvent): Turn {
  switch (event.type) {
    case "token":
      return { ...turn, status: "streaming", answer: turn.answer + event.text };
    case "reasoning":
      return { ...turn, status: "streaming", steps: upsertStep(turn.steps, event.step) };
    case "retrieval":
      return { ...turn, status: "streaming", sources: event.sources };
    case "done":
      return { ...turn, status: "done", steps: turn.steps.map((step) => ({ ...step, status: "complete" })) };
    default:
      return turn;
  }
}

/** What the back end gets to read of earlier turns: examples and failed exchanges are left out. */
export function toMessages(turns: Turn[]): ChatMessage[] {
  return turns
    .filter((turn) => !turn.isSample && turn.answer !== "")
    .flatMap((turn): ChatMessage[] => [
      { role: "user", content: turn.question },
      { role: "assistant", content: turn.answer },
    ]);
}

export function isOpen(turn: Turn): boolean {
  return turn.status === "waiting" || turn.status === "streaming";
}

function upsertStep(steps: ReasoningStep[], step: ReasoningStep): ReasoningStep[] {
  const known = steps.some((other) => other.id === step.id);
  return known ? steps.map((other) => (other.id === step.id ? step : other)) : [...steps, step];
}
