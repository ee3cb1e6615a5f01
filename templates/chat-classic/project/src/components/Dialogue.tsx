// The open conversation: its turns, and the field to go on.
import { useEffect, useRef, useState } from "react";
import { sampleTurns } from "../content/sample";
import type { Turn } from "../lib/runtime/turns";
import { useChat } from "../lib/runtime/use-chat";
import { Composer } from "./Composer";
import { Exchange } from "./Exchange";
import { Welcome } from "./Welcome";

interface DialogueProps {
  conversationId: string;
  initialTurns: Turn[];
  /** Called with every change; must not change from render to render. */
  onSave: (conversationId: string, turns: Turn[]) => void;
  greeting: string;
}

export function Dialogue({ conversationId, initialTurns, onSave, greeting }: DialogueProps) {
  const chat = useChat(initialTurns);
  const [draft, setDraft] = useState("");
  const end = useRef<HTMLDivElement>(null);

  useEffect(() => onSave(conversationId, chat.turns), [onSave, conversationId, chat.turns]);

  const turnCount = chat.turns.length;
  const showsSample = chat.turns.some((turn) => turn.isSample);
  useEffect(() => {
    if (turnCount > 0 && !showsSample) end.current?.scrollIntoView({ block: "end" });
  }, [turnCount, showsSample]);

  function submit() {
    chat.send(draft);
    setDraft("");
  }

  return (
    <main className="flex min-h-0 flex-1 flex-col">
      {turnCount > 0 && <h1 className="sr-only">Conversation</h1>}
      <div className="flex-1 overflow-y-auto">
        {turnCount === 0 ? (
          <Welcome greeting={greeting} onPick={setDraft} onShowSample={() => chat.replace(sampleTurns)} />
        ) : (
          <div className="mx-auto max-w-3xl space-y-12 px-5 pt-8 pb-12 md:px-10 md:pt-12" aria-live="polite">
            {chat.turns.map((turn) => (
              <Exchange key={turn.id} turn={turn} onRetry={chat.retry} />
            ))}
          </div>
        )}
        <div ref={end} />
      </div>
      <Composer draft={draft} isBusy={chat.isBusy} onDraftChange={setDraft} onSubmit={submit} onStop={chat.stop} />
    </main>
  );
}
