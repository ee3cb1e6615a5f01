// Whatever went wrong as one kind of error, and which sessions are over or alive.
import { type Problem, type SessionStatus, VitrineError } from "@vitrine/client";

/** An error of the client, a problem that is part of an answer, or anything that was thrown. */
export function asError(fault: unknown): VitrineError {
  if (fault instanceof VitrineError) return fault;
  if (isProblem(fault)) return new VitrineError(fault);
  const detail = fault instanceof Error ? fault.message : String(fault);
  return new VitrineError(
    { status: 0, code: "page_error", title: "Something went wrong in this page", detail },
    { cause: fault },
  );
}

function isProblem(fault: unknown): fault is Problem {
  return (
    typeof fault === "object" && fault !== null && "code" in fault && "title" in fault && "detail" in fault
  );
}

export function isOver(status: SessionStatus): boolean {
  return status === "stopped" || status === "expired";
}

/** Whether a heartbeat keeps it. */
export function isAlive(status: SessionStatus): boolean {
  return status === "starting" || status === "running" || status === "frozen";
}
