// The conversation on screen: sending, streaming, stopping and trying again.
import { useCallback, useEffect, useRef, useState } from "react";
import { streamChat } from "./chat";
import { toRuntimeError } from "./errors";
import { applyEvent, isOpen, newTurn, toMessages, type Turn } from "./turns";

export interface Chat {
  turns: Turn[];
  /** True while an answer is on its way; `send` then does nothing. */
  isBusy: boolean;
  send: (question: string, context?: Record<string, unknown>) => void;
  /** Ends the running answer and keeps what has arrived. */
  stop: () => void;
  /** Asks the last question again, in place of its failed or stopped turn. */
  retry: () => void;
  /** Shows these turns instead, for example a sample or an empty list. */
  replace: (turns: Turn[]) => void;
}

export function useChat(initialTurns: Turn[] = []): Chat {
  const [turns, setTurns] = useState(initialTurns);
  const chatId = useRef<string | null>(null);
  const running = useRef<AbortController | null>(null);
  const isBusy = turns.some(isOpen);

  const stop = useCallback(() => running.current?.abort(), []);

  useEffect(() => stop, [stop]);

  async function ask(earlier: Turn[], question: string, context?: Record<string, unknown>) {
    const turn = newTurn(question);
    const update = (change: (turn: Turn) => Turn) =>
      setTurns((all) => all.map((other) => (other.id === turn.id ? change(other) : other)));
    const abort = new AbortController();
    running.current = abort;
    setTurns([...earlier, turn]);
    try {
      const request = { input: question, messages: toMessages(earlier), chatId: chatId.current, context };
      for await (const event of streamChat(request, abort.signal)) {
        if (event.type === "chat_id") chatId.current = event.chatId;
        update((current) => applyEvent(current, event));
      }
    } catch (error) {
      if (abort.signal.aborted) update((current) => ({ ...current, status: "stopped" }));
      else update((current) => ({ ...current, status: "failed", error: toRuntimeError(error) }));
    }
  }

  return {
    turns,
    isBusy,
    stop,
    send: (question, context) => {
      const input = question.trim();
      if (input !== "" && !isBusy) void ask(turns.filter((turn) => !turn.isSample), input, context);
    },
    retry: () => {
      const last = turns.at(-1);
      if (last && !isBusy) void ask(turns.slice(0, -1), last.question);
    },
    replace: (next) => {
      stop();
      chatId.current = null;
      setTurns(next);
    },
  };
}
