// All commands in a dialog: type to filter, arrows to choose, Enter to run, Escape to leave.
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Command } from "../lib/commands";

interface CommandPaletteProps {
  commands: Command[];
  onClose: () => void;
}

export function CommandPalette({ commands, onClose }: CommandPaletteProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const wanted = query.toLowerCase().replace(/^\//, "");
  const found = commands.filter((command) => `${command.name} ${command.summary}`.toLowerCase().includes(wanted));

  useEffect(() => dialog.current?.showModal(), []);

  function run(command: Command | undefined) {
    if (!command) return;
    onClose();
    command.run();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : found.length - 1;
      setChosen((index) => (found.length === 0 ? 0 : (index + step) % found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[chosen]);
    }
  }

  return (
    <dialog
      ref={dialog}
      aria-label="Commands"
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
      className="mx-auto mt-[16vh] w-[min(36rem,calc(100vw-2rem))] border border-line bg-raised p-0 text-text shadow-2xl shadow-black backdrop:bg-black/60"
    >
      <input
        role="combobox"
        aria-label="Find a command"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] && `palette-${found[chosen].name}`}
        value={query}
        autoComplete="off"
        placeholder="find a command"
        onChange={(event) => {
          setQuery(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
        className="w-full border-b border-line bg-transparent px-5 py-4 text-base caret-accent outline-none placeholder:text-muted"
      />
      <ul id="palette-list" role="listbox" aria-label="Commands" className="py-2">
        {found.map((command, index) => (
          <li
            key={command.name}
            id={`palette-${command.name}`}
            role="option"
            aria-selected={index === chosen}
            onMouseMove={() => setChosen(index)}
            onClick={() => run(command)}
            className="flex cursor-pointer items-center gap-4 px-5 py-2 text-muted aria-selected:bg-accent/10 aria-selected:text-white"
          >
            <span className="w-20 shrink-0 text-accent">/{command.name}</span>
            <span className="min-w-0 flex-1">{command.summary}</span>
            {command.keys && <kbd>{command.keys}</kbd>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="px-5 pb-4 text-muted">No command matches “{query}”.</p>}
    </dialog>
  );
}
