// How often to ask how a session is doing.
import type { SessionStatus } from "../../api/types";

const EAGER_MS = 250;
const EAGER_FOR_MS = 15_000;
const PATIENT_MS = 2_000;
const SETTLED_MS = 10_000;

/** The pause before the next question, for a session that has been in `status` for `forMs`. */
export function pollIntervalMs(status: SessionStatus | undefined, forMs: number): number {
  if (status === undefined) return PATIENT_MS;
  if (status !== "starting") return SETTLED_MS;
  // A start that takes long is an install; it grows calmer over as long again.
  const late = Math.min(1, Math.max(0, forMs - EAGER_FOR_MS) / EAGER_FOR_MS);
  return Math.round(EAGER_MS + late * (PATIENT_MS - EAGER_MS));
}

const HEARTBEAT_MS = 60_000;

/** Often enough for the idle timeout to be missed twice before it strikes. */
export function heartbeatIntervalMs(idleTimeoutSecs: number): number {
  return Math.min(HEARTBEAT_MS, (idleTimeoutSecs * 1000) / 3);
}
