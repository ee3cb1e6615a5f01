// What a publish looks like to a person, worked out without React.
import i18next from "i18next";
import { titleOf } from "../../api/problem";
import type { Problem, ProblemItem, Publish, PublishStep, PublishStepName } from "../../api/types";
import { durationOf, growingDurationOf } from "../../components/format";

/** The steps of every publish, in order; a publish that waits may not name them yet. */
const STEPS: readonly PublishStepName[] = [
  "check",
  "toolchain",
  "layer",
  "build",
  "pack",
  "upload",
  "verify",
  "switch",
];

export interface StepRow {
  name: string;
  label: string;
  status: PublishStep["status"];
  /** Measured; absent where there is nothing to measure. */
  time?: string;
  detail?: string;
}

/** A file, and where in it. */
export interface Place {
  path: string;
  line?: number;
  column?: number;
}

export function isOver({ status }: Publish): boolean {
  return status !== "queued" && status !== "running";
}

/** The steps as rows; before the server has answered, all of them to come. */
export function stepRows(publish: Publish | undefined, nowMs: number): StepRow[] {
  if (!publish || publish.steps.length === 0)
    return STEPS.map((name) => rowOf({ name, status: "pending" }, nowMs));
  return publish.steps.map((step) => rowOf(settled(told(step, publish), publish), nowMs));
}

/** That an earlier build is used again is said once, below the steps, not by every step that this spared. */
function told(step: PublishStep, { reused }: Publish): PublishStep {
  if (!reused || step.status !== "skipped") return step;
  const { detail: _, ...rest } = step;
  return rest;
}

/** A step that was going on when its publish ended will never say so itself. */
function settled(step: PublishStep, publish: Publish): PublishStep {
  if (step.status !== "active" || !isOver(publish)) return step;
  const { started_at: _, ...rest } = step;
  if (publish.status === "failed")
    return { ...step, status: "failed", ...(publish.finished_at && { finished_at: publish.finished_at }) };
  return { ...rest, status: "pending" };
}

/** A newer server may have steps that this page does not know: those go by their own names. */
function stepLabel(name: PublishStepName): string {
  return i18next.exists(`site:publish.steps.${name}`) ? i18next.t(`site:publish.steps.${name}`) : name;
}

function rowOf(step: PublishStep, nowMs: number): StepRow {
  const ms = millisOf(step, nowMs);
  const detail = step.detail ?? (step.status === "skipped" ? i18next.t("site:publish.skipped") : undefined);
  return {
    name: step.name,
    label: stepLabel(step.name),
    status: step.status,
    ...(ms !== undefined && { time: step.status === "active" ? growingDurationOf(ms) : durationOf(ms) }),
    ...(detail !== undefined && { detail }),
  };
}

function millisOf({ status, started_at, finished_at }: PublishStep, nowMs: number): number | undefined {
  if (started_at === undefined || status === "pending" || status === "skipped") return undefined;
  if (finished_at === undefined && status !== "active") return undefined;
  const end = finished_at === undefined ? nowMs : Date.parse(finished_at);
  // The server's clock may be a little ahead of this one.
  return Math.max(0, end - Date.parse(started_at));
}

/** How long it took from being asked for to its end; undefined while it has none. */
export function totalOf({ created_at, finished_at }: Publish): string | undefined {
  if (finished_at === undefined) return undefined;
  return durationOf(Math.max(0, Date.parse(finished_at) - Date.parse(created_at)));
}

/** The publish of the same target that last built something before this one; `publishes` are newest first. */
export function builtBefore(publish: Publish, publishes: readonly Publish[]): Publish | undefined {
  return publishes.find(
    ({ target, build_seq, artifact }) =>
      target === publish.target && build_seq < publish.build_seq && artifact !== undefined,
  );
}

/** One line over the steps. */
export function headlineOf(publish: Publish, nowMs: number): string {
  const total = totalOf(publish);
  if (publish.status === "succeeded" && total !== undefined)
    return i18next.t("site:publish.publishedIn", { total });
  if (isOver(publish)) return i18next.t(`site:publish.status.${publish.status}`);
  const since = publish.status === "queued" ? publish.created_at : (publish.started_at ?? publish.created_at);
  const forMs = Math.max(0, nowMs - Date.parse(since));
  return `${i18next.t(`site:publish.status.${publish.status}`)} · ${growingDurationOf(forMs)}`;
}

/** What is read aloud: changes with every step, not with every tick of the clock. */
export function announcementOf(publish: Publish): string {
  if (publish.status === "succeeded") return headlineOf(publish, 0);
  if (isOver(publish))
    return [i18next.t(`site:publish.status.${publish.status}`), publish.error && titleOf(publish.error)]
      .filter(Boolean)
      .join(". ");
  const index = publish.steps.findIndex(({ status }) => status === "active");
  const step = publish.steps[index];
  if (!step) return i18next.t(`site:publish.status.${publish.status}`);
  return i18next.t("site:publish.announceStep", {
    step: stepLabel(step.name),
    index: index + 1,
    total: publish.steps.length,
  });
}

/** `src/App.tsx:12`. */
export function placeName({ path, line }: Place): string {
  return line === undefined ? path : `${path}:${line}`;
}

/** Where a fault is, when that is a file of the draft; it may name a setting instead, or a file deleted since. */
export function placeOf(fault: Partial<Place>, exists: (path: string) => boolean): Place | undefined {
  const { path, line, column } = fault;
  if (path === undefined || !exists(path)) return undefined;
  return { path, ...(line !== undefined && { line }), ...(column !== undefined && { column }) };
}

/** The one thing to do about a failure: go to the first fault that is somewhere, else try again. */
export function remedyOf(
  problem: Pick<Problem, "errors">,
  exists: (path: string) => boolean,
): { kind: "open"; place: Place } | { kind: "again" } {
  const places = (problem.errors ?? []).map((fault: ProblemItem) => placeOf(fault, exists));
  const place =
    places.find((found) => found?.line !== undefined) ?? places.find((found) => found !== undefined);
  return place ? { kind: "open", place } : { kind: "again" };
}
