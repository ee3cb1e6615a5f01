// What is shown while no dev server can run: a static build of the draft. The last good one stays while a newer is made.
import { useEffect, useRef } from "react";
import { asProblem } from "../../api/problem";
import type { SessionHandle } from "../session/use-session";
import type { PreviewBuild } from "../site/use-preview-build";

export interface Fallback {
  /** The last build that succeeded. */
  url: string | undefined;
  going: boolean;
  failed: boolean;
}

/** Faults of the machine or its limits. What is wrong with the project would break its build as well. */
const MACHINE = [
  "sandbox_unavailable",
  "sandbox_limit",
  "dev_server_silent",
  "too_many_requests",
  "quota_exceeded",
];

export function cannotRun(code: string | undefined): boolean {
  return code !== undefined && MACHINE.includes(code);
}

/** Undefined while the dev server is not the machine's to give up; otherwise builds each version of the draft once. */
export function useFallback(
  { session, error }: SessionHandle,
  build: PreviewBuild,
  draftVersion: number,
): Fallback | undefined {
  const code = error ? asProblem(error).code : session?.status === "error" ? session.error?.code : undefined;
  const needed = cannotRun(code);
  const tried = useRef<number>(undefined);
  const { going, start } = build;
  useEffect(() => {
    if (!needed || going || tried.current === draftVersion) return;
    tried.current = draftVersion;
    start({ opens: false });
  }, [needed, going, start, draftVersion]);
  if (!needed) return undefined;
  return { url: build.url, going, failed: build.fault !== null || build.latest?.status === "failed" };
}
