// The message field. Enter sends.
import type { FormEvent } from "react";

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

  return (
    <form onSubmit={submit} aria-label="Write a message" className="flex shrink-0 items-center gap-2 p-4 sm:px-6 sm:pb-6">
      <label htmlFor="message" className="sr-only">
        Your message
      </label>
      <input
        id="message"
        value={draft}
        autoComplete="off"
        enterKeyHint="send"
        placeholder="Write a message"
        onChange={(event) => onDraftChange(event.target.value)}
        className="h-14 min-w-0 flex-1 rounded-full border-2 border-line bg-bubble px-6 text-[1.05rem] outline-none placeholder:text-muted focus:border-accent"
      />
      {isBusy ? (
        <RoundButton label="Stop" drawing="M8 8h8v8H8z" onClick={onStop} />
      ) : (
        <RoundButton label="Send" drawing="M5 12h14M13 6l6 6-6 6" isDisabled={!canSend} />
      )}
    </form>
  );
}

interface RoundButtonProps {
  label: string;
  drawing: string;
  isDisabled?: boolean;
  /** Without it the button submits the form. */
  onClick?: () => void;
}

function RoundButton({ label, drawing, isDisabled = false, onClick }: RoundButtonProps) {
  return (
    <button
      type={onClick ? "button" : "submit"}
      aria-label={label}
      disabled={isDisabled}
      onClick={onClick}
      className="grid size-14 shrink-0 place-items-center rounded-full bg-accent text-on-accent transition-opacity disabled:opacity-40"
    >
      <svg
        viewBox="0 0 24 24"
        aria-hidden="true"
        className="size-6"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      >
        <path d={drawing} />
      </svg>
    </button>
  );
}
