// Gathers what is wrong from the page, the session, the last build and the last check of the draft.
import { useMemo, useRef } from "react";
import type { Validation } from "../../api/types";
import { type Stage, usePreviewPart } from "../preview/use-stage";
import type { SessionHandle } from "../session/use-session";
import type { Places } from "../site/failure";
import type { Site } from "../site/use-site";
import { type ProblemView, problemsOf, type Sources } from "./problems";

export interface ProblemSources {
  handle: SessionHandle;
  site: Site;
  stage: Stage;
  places: Places;
  /** What the check of the draft found; undefined until there was one. */
  validation: Validation | undefined;
}

/** Call it where it is shown: it changes as often as the page has something to say. */
export function useProblems({
  handle,
  site,
  stage,
  places,
  validation,
}: ProblemSources): readonly ProblemView[] {
  const faults = usePreviewPart(stage, (log) => log.faults);
  const { session } = handle;
  const start = useSince(session?.status === "error" ? session.error : undefined, sameProblem);
  const check = useSince(validation, Object.is);
  const build = useSince(failedBuild(site), sameProblem);
  const { exists } = places;
  const latestExists = useRef(exists);
  latestExists.current = exists;
  return useMemo(() => {
    const sources: Sources = {
      faults: faults.values(),
      exists: (path) => latestExists.current(path),
      ...(start && { start: { problem: start.value, at: start.at } }),
      ...(build && { build: { problem: build.value, at: build.at } }),
      ...(check && { check: { validation: check.value, at: check.at } }),
    };
    return problemsOf(sources);
  }, [faults, start, build, check]);
}

/** The fault of the newest build, of whatever kind; none while another one goes on. */
function failedBuild({ publish }: Site) {
  if (publish.active || publish.preview.going) return undefined;
  const builds = [publish.isLatest ? publish.shown : undefined, publish.preview.latest];
  const [newest] = builds.filter((build) => build !== undefined).sort((a, b) => b.build_seq - a.build_seq);
  return newest?.status === "failed" ? newest.error : undefined;
}

function sameProblem(a: { code: string; detail: string }, b: { code: string; detail: string }): boolean {
  return a.code === b.code && a.detail === b.detail;
}

/** `value`, and since when it has been the same. */
function useSince<Value>(
  value: Value | undefined,
  isSame: (a: Value, b: Value) => boolean,
): { value: Value; at: number } | undefined {
  const known = useRef<{ value: Value; at: number }>(undefined);
  if (value === undefined) known.current = undefined;
  else if (!known.current || !isSame(known.current.value, value)) known.current = { value, at: Date.now() };
  return known.current;
}
