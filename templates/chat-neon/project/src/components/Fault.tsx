// Why there is no answer, and what to type next.
import type { RuntimeError } from "../lib/runtime/errors";

export function Fault({ error }: { error: RuntimeError }) {
  return (
    <div role="status" className="max-w-[78ch] border border-line bg-raised p-4">
      <p className="text-white">{error.message}</p>
      <p className="mt-1 text-muted">
        {error.kind === "backend_not_configured" &&
          "Nothing was made up in its place. Connect a chat back end to this app in the builder; it answers at /api/py. "}
        <span className="text-accent">/retry</span> asks again.
      </p>
    </div>
  );
}
