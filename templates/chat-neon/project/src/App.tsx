// A console: a log of exchanges, one prompt, and every action behind a key or a slash command.
import { useEffect, useRef, useState } from "react";
import { CommandPalette } from "./components/CommandPalette";
import { Entry } from "./components/Entry";
import { Prompt } from "./components/Prompt";
import { StatusBar } from "./components/StatusBar";
import { sampleTurns } from "./content/sample";
import { type Command, findCommand } from "./lib/commands";
import { useDisplayName } from "./lib/runtime/use-display-name";
import { useChat } from "./lib/runtime/use-chat";
import { useShortcuts } from "./lib/use-shortcuts";

export function App() {
  const name = useDisplayName("Tracer");
  const chat = useChat();
  const [draft, setDraft] = useState("");
  const [message, setMessage] = useState("");
  const [isPaletteOpen, setIsPaletteOpen] = useState(false);
  const [showsTrace, setShowsTrace] = useState(true);
  const end = useRef<HTMLDivElement>(null);

  const commands: Command[] = [
    { name: "sample", summary: "Show a hand-written sample exchange", run: () => chat.replace(sampleTurns) },
    { name: "trace", summary: "Show or hide the steps behind answers", run: () => setShowsTrace((shown) => !shown) },
    { name: "retry", summary: "Ask the last question again", run: chat.retry },
    { name: "stop", summary: "Stop the running answer", keys: "Esc", run: chat.stop },
    { name: "copy", summary: "Copy the last answer", run: () => void copyLastAnswer() },
    { name: "clear", summary: "Empty the log", keys: "Ctrl L", run: () => chat.replace([]) },
    { name: "help", summary: "All commands", keys: "Ctrl K", run: () => setIsPaletteOpen(true) },
  ];

  useShortcuts({
    palette: () => setIsPaletteOpen((isOpen) => !isOpen),
    clear: () => chat.replace([]),
    stop: chat.stop,
  });

  useEffect(() => {
    if (chat.isBusy) end.current?.scrollIntoView({ block: "end" });
  }, [chat.turns, chat.isBusy]);

  async function copyLastAnswer() {
    const answer = chat.turns.at(-1)?.answer;
    if (answer) await navigator.clipboard.writeText(answer);
    setMessage(answer ? "answer copied" : "nothing to copy yet");
  }

  function submit() {
    const input = draft.trim();
    setMessage("");
    if (!input.startsWith("/")) {
      chat.send(input);
    } else {
      const command = findCommand(commands, input);
      if (command) command.run();
      else setMessage(`unknown command ${input}; /help lists them`);
    }
    setDraft("");
  }

  return (
    <div className="flex h-dvh flex-col">
      <main className="flex-1 overflow-y-auto px-5 py-6 md:px-10 md:py-10">
        {chat.turns.length === 0 && (
          <section className="max-w-[78ch]">
            <h1 className="glow text-4xl font-semibold tracking-[-0.04em] text-accent md:text-6xl">{name}</h1>
            <p className="mt-5 text-base leading-7 text-white">Ask. Trace. Check. Hands stay on the keyboard.</p>
            <p className="mt-1 max-w-[60ch] text-muted">
              Type a question, or a slash for commands. Each answer comes with the steps it took and the sources it used.
            </p>
            <dl className="mt-10 grid grid-cols-[7rem_1fr] gap-y-2">
              {commands.map((command) => (
                <div key={command.name} className="contents">
                  <dt>
                    <button type="button" className="text-accent hover:underline" onClick={command.run}>
                      /{command.name}
                    </button>
                  </dt>
                  <dd className="flex flex-wrap items-center gap-x-3 text-muted">
                    {command.summary}
                    {command.keys && <kbd>{command.keys}</kbd>}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        )}
        {chat.turns.length > 0 && <h1 className="sr-only">{name}</h1>}
        <div aria-live="polite" className="space-y-10">
          {chat.turns.map((turn, index) => (
            <Entry key={turn.id} turn={turn} number={index + 1} showsTrace={showsTrace} />
          ))}
        </div>
        <div ref={end} />
      </main>
      <Prompt
        draft={draft}
        commands={commands}
        history={chat.turns.map((turn) => turn.question)}
        onDraftChange={setDraft}
        onSubmit={submit}
      />
      <StatusBar
        isBusy={chat.isBusy}
        message={message}
        characters={draft.length}
        onStop={chat.stop}
        onPalette={() => setIsPaletteOpen(true)}
      />
      {isPaletteOpen && <CommandPalette commands={commands} onClose={() => setIsPaletteOpen(false)} />}
    </div>
  );
}
