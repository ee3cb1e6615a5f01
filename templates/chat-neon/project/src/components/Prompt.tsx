// The one input. Enter runs, Tab completes a command, the arrow keys walk through earlier questions.
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { type Command, matchCommands } from "../lib/commands";

interface PromptProps {
  draft: string;
  commands: Command[];
  /** Earlier questions, oldest first. */
  history: string[];
  onDraftChange: (draft: string) => void;
  onSubmit: () => void;
}

export function Prompt({ draft, commands, history, onDraftChange, onSubmit }: PromptProps) {
  /** How many questions back the draft was recalled from; 0 for a new one. */
  const [stepsBack, setStepsBack] = useState(0);
  const matches = matchCommands(commands, draft);

  function submit(event: FormEvent) {
    event.preventDefault();
    setStepsBack(0);
    if (draft.trim() !== "") onSubmit();
  }

  function recall(steps: number) {
    const next = Math.min(Math.max(stepsBack + steps, 0), history.length);
    setStepsBack(next);
    onDraftChange(next === 0 ? "" : (history.at(-next) ?? ""));
  }

  function onKeyDown(event: KeyboardEvent) {
    const completion = matches[0];
    if (event.key === "Tab" && completion && !event.shiftKey) {
      event.preventDefault();
      onDraftChange(`/${completion.name}`);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      recall(event.key === "ArrowUp" ? 1 : -1);
    }
  }

  return (
    <form onSubmit={submit} aria-label="Prompt" className="border-t border-line bg-raised/60 px-5 md:px-10">
      {matches.length > 0 && (
        <ul className="flex flex-wrap gap-x-6 gap-y-1 border-b border-line py-2 text-muted" aria-label="Matching commands">
          {matches.map((command, index) => (
            <li key={command.name}>
              <span className={index === 0 ? "text-accent" : undefined}>/{command.name}</span>
              {index === 0 && (
                <span>
                  {" "}
                  {command.summary} <kbd>Tab</kbd>
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      <div className="flex items-center gap-3 py-4">
        <span aria-hidden="true" className="glow text-accent">
          ❯
        </span>
        <label htmlFor="prompt" className="sr-only">
          Question or command
        </label>
        <input
          id="prompt"
          value={draft}
          autoFocus
          autoComplete="off"
          spellCheck={false}
          placeholder="question or /command"
          onChange={(event) => onDraftChange(event.target.value)}
          onKeyDown={onKeyDown}
          className="min-w-0 flex-1 bg-transparent text-base caret-accent outline-none placeholder:text-muted"
        />
        <button type="submit" className="text-muted hover:text-accent" aria-label="Run">
          ⏎
        </button>
      </div>
    </form>
  );
}
