// The question field. Enter sends, Shift+Enter makes a new line.
import type { FormEvent, KeyboardEvent } from "react";
import { Icon } from "./Icon";

const MAX_CHARACTERS = 4_000;

interface ComposerProps {
  draft: string;
  isBusy: boolean;
  onDraftChange: (draft: string) => void;
  onSubmit: () => void;
  onStop: () => void;
}

export function Composer({ draft, isBusy, onDraftChange, onSubmit, onStop }: ComposerProps) {
  const canSend = draft.trim() !== "" && !isBusy;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (canSend) onSubmit();
  }

  function sendOnEnter(event: KeyboardEvent) {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
  }

  return (
    <form onSubmit={submit} className="mx-auto w-full max-w-3xl shrink-0 px-4 pb-4 md:px-10 md:pb-6">
      <div className="rounded-2xl border border-line bg-paper p-2 shadow-sm focus-within:border-accent">
        <label htmlFor="question" className="sr-only">
          Your question
        </label>
        <textarea
          id="question"
          rows={2}
          value={draft}
          maxLength={MAX_CHARACTERS}
          placeholder="Ask a question…"
          onChange={(event) => onDraftChange(event.target.value)}
          onKeyDown={sendOnEnter}
          className="field-sizing-content max-h-48 w-full resize-none bg-transparent px-3 py-2 leading-6 outline-none placeholder:text-muted"
        />
        <div className="flex items-center justify-between pl-3">
          <span className="text-xs text-muted tabular-nums">{draft.length} characters</span>
          {isBusy ? (
            <button type="button" onClick={onStop} aria-label="Stop answering" className="rounded-xl border border-line p-2">
              <Icon name="stop" />
            </button>
          ) : (
            <button
              type="submit"
              disabled={!canSend}
              aria-label="Send question"
              className="rounded-xl bg-accent p-2 text-on-accent transition-opacity disabled:opacity-35"
            >
              <Icon name="send" />
            </button>
          )}
        </div>
      </div>
    </form>
  );
}
