// The way from files to a page as steps with measured times, worked out without React.
import type { SessionView, StepName, StepStatus } from "../../api/types";

export interface RailStep {
  name: StepName | "paint";
  status: StepStatus;
  /** Measured; absent where there is nothing to measure yet. */
  ms?: number;
  detail?: string;
}

/** The steps of the session's start, and then the page itself, which only this browser can measure. */
export function railOf(
  session: Pick<SessionView, "timings" | "status">,
  page: { isShown: boolean; paintMs: number | undefined },
): readonly RailStep[] {
  const steps = session.timings.steps.map(({ name, status, duration_ms, detail }) => ({
    name,
    status,
    ...(duration_ms !== undefined && { ms: duration_ms }),
    ...(detail !== undefined && { detail }),
  }));
  const isUp = session.status === "running" || session.status === "frozen";
  const paint: RailStep = {
    name: "paint",
    status: isUp && page.isShown ? "done" : "pending",
    ...(isUp && page.paintMs !== undefined && { ms: page.paintMs }),
  };
  return [...steps, paint];
}

/** The step that goes on, when there is one. */
export function activeOf(steps: readonly RailStep[]): RailStep | undefined {
  return steps.find(({ status }) => status === "active");
}
