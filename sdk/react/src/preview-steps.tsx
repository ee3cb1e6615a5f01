// The steps of a start, each with what it took: something to look at instead of a spinner.
import type { Timings } from "@vitrine/client";
import { useShared } from "./provider.js";

export function PreviewSteps({ timings }: { timings: Timings }) {
  const { texts } = useShared();
  return (
    <ol className="vitrine-steps">
      {timings.steps.map(({ name, status, duration_ms, detail }) => (
        <li key={name} className="vitrine-steps__step" data-status={status}>
          <span>{texts.previewSteps[name] ?? name}</span>
          {status === "active" && detail && <small>{detail}</small>}
          {duration_ms != null && status !== "pending" && <small>{durationOf(duration_ms)}</small>}
        </li>
      ))}
    </ol>
  );
}

const SECOND_MS = 1_000;

function durationOf(ms: number): string {
  return ms < SECOND_MS ? `${Math.round(ms)} ms` : `${(ms / SECOND_MS).toFixed(1)} s`;
}
