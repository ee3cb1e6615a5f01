// What the server finds wrong with a file, as marks in the text.
import type { Diagnostic } from "@codemirror/lint";
import type { Text } from "@codemirror/state";
import type { Finding } from "../../api/types";

/** A finding, and whether it keeps the app from being published. */
export interface Problem {
  finding: Finding;
  isFault: boolean;
}

/** The marks of one file. A place that is not there any more, because somebody types, becomes the nearest that is. */
export function marksOf(doc: Text, problems: readonly Problem[]): Diagnostic[] {
  return problems.map(({ finding, isFault }) => {
    const { line = 1, column = 1, message } = finding;
    const { from, to, text } = doc.line(Math.min(Math.max(1, line), doc.lines));
    const start = Math.min(from + Math.max(0, column - 1), to);
    const word = /^[\w$@./"'-]+/.exec(text.slice(start - from))?.[0].length ?? 0;
    const end = word > 0 ? start + word : to;
    return { from: start, to: Math.max(start, end), severity: isFault ? "error" : "warning", message };
  });
}

/** The problems by file, each list the same as before where nothing has changed in it. */
export function problemsByPath(
  faults: readonly Finding[],
  warnings: readonly Finding[],
): ReadonlyMap<string, readonly Problem[]> {
  const byPath = new Map<string, Problem[]>();
  const add = (finding: Finding, isFault: boolean) => {
    if (finding.path === undefined) return;
    const list = byPath.get(finding.path);
    if (list) list.push({ finding, isFault });
    else byPath.set(finding.path, [{ finding, isFault }]);
  };
  for (const finding of faults) add(finding, true);
  for (const finding of warnings) add(finding, false);
  return byPath;
}
