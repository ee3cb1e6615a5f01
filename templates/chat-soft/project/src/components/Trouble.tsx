// An honest bubble when there is no answer.
import type { RuntimeError } from "../lib/runtime/errors";

interface TroubleProps {
  error: RuntimeError;
  onRetry: () => void;
}

export function Trouble({ error, onRetry }: TroubleProps) {
  return (
    <div role="status">
      <p className="font-bold">{error.message}</p>
      {error.kind === "backend_not_configured" && (
        <p className="mt-1">
          So I cannot answer, and I will not make something up. Connect a chat back end to this app in the builder (it
          answers at /api/py), then try again.
        </p>
      )}
      <button type="button" onClick={onRetry} className="mt-3 rounded-full bg-peach px-4 py-2 font-bold">
        Try again
      </button>
    </div>
  );
}
