// In place of an article that could not be written.
import type { RuntimeError } from "../lib/runtime/errors";

interface UnansweredProps {
  error: RuntimeError;
  onRetry: () => void;
}

export function Unanswered({ error, onRetry }: UnansweredProps) {
  return (
    <div role="status" className="mt-8 max-w-[38rem] border-l-2 border-accent pl-6 text-xl leading-8">
      <p>{error.message}</p>
      {error.kind === "backend_not_configured" && (
        <p className="mt-2 text-lg leading-7 text-muted">
          So this page stays empty rather than invented. Connect a chat back end to this app in the builder (it is reached
          at /api/py), then ask again.
        </p>
      )}
      <button type="button" onClick={onRetry} className="mt-3 text-lg text-accent italic underline underline-offset-4">
        Ask again
      </button>
    </div>
  );
}
