// What differs between two states of the app, and the two texts of one file of it.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { diffRevision, type FileChange, readRevisionFile } from "../../api/revision-calls";
import { decodeText } from "../draft/draft-state";
import type { Comparison } from "./comparison";

/** `version` is the draft's: with another one the draft is compared anew. */
export function useDiff(app: string, comparison: Comparison | undefined, version: number | undefined) {
  const { from = "", to } = comparison ?? {};
  return useQuery({
    queryKey: ["revisions", app, "diff", from, to ?? version],
    queryFn: ({ signal }) => diffRevision(app, from, to ?? "draft", signal),
    enabled: comparison !== undefined && (to !== undefined || version !== undefined),
    // While the draft is compared anew, what was known of it stays.
    placeholderData: (known, query) => (query?.queryKey[3] === from ? keepPreviousData(known) : undefined),
  });
}

export interface Texts {
  before: string;
  after: string;
}

/** Both texts of a file; null when one of them is no text. */
export function useTexts(app: string, comparison: Comparison, change: FileChange) {
  const { path, from_path = path, before, after } = change;
  return useQuery({
    queryKey: ["diff-texts", app, before?.sha256, after?.sha256, path],
    queryFn: async ({ signal }): Promise<Texts | null> => {
      const read = async (there: boolean, from: string, revision: string | undefined) =>
        there ? decodeText(await readRevisionFile(app, from, revision, signal)) : "";
      const [old, recent] = await Promise.all([
        read(before !== undefined, from_path, comparison.from),
        read(after !== undefined, path, comparison.to),
      ]);
      return old === null || recent === null ? null : { before: old, after: recent };
    },
    enabled: change.is_text,
    // Known by what is in them: that never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });
}
