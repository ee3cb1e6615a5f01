// One line to ask on, as in a letter. Enter sends.
import type { FormEvent } from "react";

interface AskLineProps {
  label: string;
  placeholder: string;
  draft: string;
  isBusy: boolean;
  onDraftChange: (draft: string) => void;
  onSubmit: () => void;
  onStop: () => void;
}

export function AskLine(props: AskLineProps) {
  const { label, placeholder, draft, isBusy, onDraftChange, onSubmit, onStop } = props;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (draft.trim() !== "" && !isBusy) onSubmit();
  }

  return (
    <form onSubmit={submit}>
      <label htmlFor="ask" className="text-muted italic">
        {label}
      </label>
      <div className="mt-1 flex items-end gap-4 border-b border-ink pb-2 focus-within:border-accent">
        <input
          id="ask"
          value={draft}
          autoComplete="off"
          onChange={(event) => onDraftChange(event.target.value)}
          placeholder={placeholder}
          className="min-w-0 flex-1 bg-transparent text-2xl outline-none placeholder:text-muted"
        />
        {isBusy ? (
          <button type="button" onClick={onStop} className="shrink-0 text-lg text-accent italic">
            Stop
          </button>
        ) : (
          <button type="submit" className="shrink-0 text-lg text-accent italic">
            Ask&nbsp;→
          </button>
        )}
      </div>
      <p className="mt-2 text-sm text-muted" aria-live="off">
        {draft.trim() === "" ? "A full sentence gives a better article." : `${countWords(draft)} words so far`}
      </p>
    </form>
  );
}

function countWords(text: string): number {
  return text.trim().split(/\s+/).length;
}
