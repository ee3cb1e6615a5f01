// Everything that is wrong, from wherever it comes, as one list: each thing once, the newest first, with one thing to do.
import type { Finding, Problem, Validation } from "../../api/types";
import { fingerprintOf } from "../preview/fingerprint";
import type { Fault } from "../preview/preview-log";
import { type Place, placeOf } from "../site/publish-view";

export type ProblemKind =
  | "check"
  | "start"
  | "build"
  | "type"
  | "overlay"
  | "error"
  | "console"
  | "network"
  | "blank";

export type Remedy =
  | { kind: "open"; place: Place }
  | { kind: "show"; tab: "console" | "network" | "server" | "build" }
  | { kind: "reload" | "again" };

export interface ProblemView {
  fingerprint: string;
  kind: ProblemKind;
  tone: "bad" | "warn";
  message: string;
  detail?: string;
  /** Where it says it is; it may be a file that the draft has not. */
  place?: Place;
  count: number;
  at: number;
  remedy: Remedy;
}

export interface Sources {
  faults: Iterable<Fault>;
  /** The last check of the draft, and when this page had it. */
  check?: { validation: Validation; at: number };
  /** Why the dev server does not run. */
  start?: { problem: Problem; at: number };
  /** Why the last publish or preview build failed. */
  build?: { problem: Problem; at: number };
  /** Whether the draft has a file. */
  exists: (path: string) => boolean;
}

export function problemsOf(sources: Sources): readonly ProblemView[] {
  const { check, start, build, exists } = sources;
  const all = [
    ...[...sources.faults].map((fault) => ofFault(fault, exists)),
    ...(start ? ofProblem(start, "start", exists) : []),
    ...(build ? ofProblem(build, "build", exists) : []),
    ...(check?.validation.faults ?? []).map((finding) => ofFinding(finding, "bad", check?.at ?? 0, exists)),
    ...(check?.validation.warnings ?? []).map((finding) =>
      ofFinding(finding, "warn", check?.at ?? 0, exists),
    ),
  ];
  return grouped(all).sort((a, b) => b.at - a.at);
}

function grouped(all: readonly ProblemView[]): ProblemView[] {
  const groups = new Map<string, ProblemView>();
  for (const problem of all) {
    const { fingerprint, count, at } = problem;
    const known = groups.get(fingerprint);
    if (known) groups.set(fingerprint, { ...known, count: known.count + count, at: Math.max(known.at, at) });
    else groups.set(fingerprint, problem);
  }
  return [...groups.values()];
}

type Exists = Sources["exists"];

function ofFault(fault: Fault, exists: Exists): ProblemView {
  const { place, kind } = fault;
  return { ...fault, tone: "bad", remedy: remedyFor(place, exists, elsewhere(kind)) };
}

function elsewhere(kind: Fault["kind"]): Remedy {
  if (kind === "blank") return { kind: "reload" };
  if (kind === "overlay") return { kind: "show", tab: "server" };
  return { kind: "show", tab: kind === "network" ? "network" : "console" };
}

function remedyFor(place: Place | undefined, exists: Exists, otherwise: Remedy): Remedy {
  const known = place && placeOf(place, exists);
  return known ? { kind: "open", place: known } : otherwise;
}

/** A check that finds nothing to open can only be made again, once something was done. */
function ofFinding(finding: Finding, tone: "bad" | "warn", at: number, exists: Exists): ProblemView {
  const { message, package: dependency } = finding;
  const place = statedPlace(finding);
  return {
    // Two findings of one kind in a file are two places to go to.
    fingerprint: `${fingerprintOf(`check ${finding.code}`, message, finding.path)}\n${finding.line ?? ""}`,
    kind: "check",
    tone,
    message: dependency === undefined ? message : `${dependency}: ${message}`,
    ...place,
    count: 1,
    at,
    remedy: remedyFor(place.place, exists, { kind: "again" }),
  };
}

function ofProblem(
  { problem, at }: { problem: Problem; at: number },
  kind: "start" | "build",
  exists: Exists,
): ProblemView[] {
  const { title, detail, errors = [] } = problem;
  const otherwise: Remedy = { kind: "show", tab: kind === "start" ? "server" : "build" };
  if (errors.length === 0) {
    const fingerprint = fingerprintOf(kind, title);
    return [
      {
        fingerprint,
        kind,
        tone: "bad",
        message: title,
        ...(detail && { detail }),
        count: 1,
        at,
        remedy: otherwise,
      },
    ];
  }
  return errors.map((error) => {
    const place = statedPlace(error);
    const isType = /\bTS\d{4,5}\b/.test(`${error.code} ${error.message}`);
    return {
      fingerprint: `${fingerprintOf(kind, error.message, error.path)}\n${error.line ?? ""}`,
      kind: isType ? "type" : kind,
      tone: "bad",
      message: error.message,
      detail: title,
      ...place,
      count: 1,
      at,
      remedy: remedyFor(place.place, exists, otherwise),
    };
  });
}

function statedPlace({ path, line, column }: Partial<Place>): { place?: Place } {
  if (path === undefined) return {};
  return { place: { path, ...(line !== undefined && { line }), ...(column !== undefined && { column }) } };
}
