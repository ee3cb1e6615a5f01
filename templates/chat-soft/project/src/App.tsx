// One friendly conversation, made for a phone in one hand and a spoon in the other.
import { useEffect, useRef, useState } from "react";
import { Composer } from "./components/Composer";
import { Exchange } from "./components/Exchange";
import { Header } from "./components/Header";
import { QuickReplies } from "./components/QuickReplies";
import { SuggestionCards } from "./components/SuggestionCards";
import { sampleTurns } from "./content/sample";
import { useDisplayName } from "./lib/runtime/use-display-name";
import { useChat } from "./lib/runtime/use-chat";

export function App() {
  const name = useDisplayName("Juni");
  const chat = useChat();
  const [draft, setDraft] = useState("");
  const [servings, setServings] = useState(2);
  const end = useRef<HTMLDivElement>(null);
  const last = chat.turns.at(-1);

  useEffect(() => {
    if (chat.turns.length > 0) end.current?.scrollIntoView({ block: "end" });
  }, [chat.turns]);

  function send(text: string) {
    chat.send(text, { servings });
    setDraft("");
  }

  return (
    <div className="mx-auto flex h-dvh max-w-xl flex-col overflow-hidden bg-paper sm:my-[3dvh] sm:h-[94dvh] sm:rounded-[2.5rem] sm:shadow-xl sm:shadow-ink/5">
      <Header
        name={name}
        servings={servings}
        onServingsChange={setServings}
        onStartOver={last ? () => chat.replace([]) : null}
      />
      <main className="flex-1 overflow-y-auto px-4 pt-4 pb-2 sm:px-6">
        {last ? (
          <div className="space-y-3" aria-live="polite">
            <h1 className="sr-only">Chat with {name}</h1>
            {last.isSample && (
              <p className="sticky top-0 z-10 mx-auto w-fit rounded-full bg-peach px-4 py-1 text-sm font-bold">
                A sample chat, written by hand
              </p>
            )}
            {chat.turns.map((turn) => (
              <Exchange key={turn.id} turn={turn} onRetry={chat.retry} />
            ))}
          </div>
        ) : (
          <div className="flex min-h-full flex-col justify-end pb-2">
            <h1 className="text-4xl leading-tight font-extrabold tracking-tight text-balance">
              Hello! What shall we cook tonight?
            </h1>
            <p className="mt-3 mb-7 max-w-sm text-lg leading-7 text-balance text-muted">
              Tell me what is in the fridge, or tap an idea to begin.
            </p>
            <SuggestionCards onPick={send} />
            <button
              type="button"
              className="mt-4 self-center rounded-full px-4 py-2 font-bold text-accent"
              onClick={() => chat.replace(sampleTurns)}
            >
              Show me a sample chat
            </button>
          </div>
        )}
        <div ref={end} />
      </main>
      {last?.status === "done" && <QuickReplies onPick={send} />}
      <Composer draft={draft} isBusy={chat.isBusy} onDraftChange={setDraft} onSubmit={() => send(draft)} onStop={chat.stop} />
    </div>
  );
}
