// What did not work, and what to do about it.
import type { RuntimeError } from "../lib/runtime/errors";

export function Problem({ error }: { error: RuntimeError }) {
  return (
    <div role="alert" className="rounded-xl border border-line bg-accent-soft px-5 py-4 leading-6">
      <p className="font-medium">{error.message}</p>
      {error.kind === "backend_not_configured" && (
        <p className="mt-1 text-muted">
          Sign-in and data begin to work as soon as one is. In the builder, connect a back end to this app; it answers at
          <code className="mx-1 text-[0.9em]">/api/py</code>on the app’s own address. Nothing was saved.
        </p>
      )}
    </div>
  );
}
