// The bottom line: what the console is doing, the last message, the size of the draft, the two keys to know.
interface StatusBarProps {
  isBusy: boolean;
  message: string;
  characters: number;
  onStop: () => void;
  onPalette: () => void;
}

export function StatusBar({ isBusy, message, characters, onStop, onPalette }: StatusBarProps) {
  return (
    <footer className="flex items-center gap-6 border-t border-line px-5 py-2 text-xs text-muted md:px-10">
      <span className="flex items-center gap-2">
        <span className={`size-2 rounded-full ${isBusy ? "animate-pulse bg-accent" : "bg-line"}`} aria-hidden="true" />
        {isBusy ? "answering" : "ready"}
      </span>
      <span role="status" className="min-w-0 flex-1 truncate text-text">
        {message}
      </span>
      <span className="tabular-nums">{characters} ch</span>
      {isBusy ? (
        <button type="button" onClick={onStop}>
          <kbd>Esc</kbd> stop
        </button>
      ) : (
        <button type="button" onClick={onPalette}>
          <kbd>Ctrl K</kbd> commands
        </button>
      )}
    </footer>
  );
}
