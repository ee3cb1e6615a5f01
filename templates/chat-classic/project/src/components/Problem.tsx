// What went wrong with an answer, whose turn it is now, and the one thing to do.
import type { RuntimeError } from "../lib/runtime/errors";
import { Icon } from "./Icon";

interface ProblemProps {
  error: RuntimeError;
  onRetry: () => void;
}

export function Problem({ error, onRetry }: ProblemProps) {
  const isUnconnected = error.kind === "backend_not_configured";
  return (
    <div role="status" className="mt-5 flex gap-4 rounded-xl border border-line bg-side p-5">
      <Icon name="plug" className="mt-0.5 size-5 text-accent" />
      <div className="text-[0.925rem] leading-6">
        <p className="font-medium">{error.message}</p>
        {isUnconnected && (
          <p className="mt-1 text-muted">
            Your question was not answered, and nothing was made up. Connect a chat back end to this app in the builder;
            it then answers here, at <code className="font-mono text-[0.9em]">/api/py</code>.
          </p>
        )}
        <button
          type="button"
          onClick={onRetry}
          className="mt-3 rounded-lg border border-line bg-paper px-3 py-1.5 text-sm font-medium hover:border-accent"
        >
          Try again
        </button>
      </div>
    </div>
  );
}
