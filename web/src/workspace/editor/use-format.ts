// Formatting the file in the editor, and how that went.
import { type RefObject, useCallback, useMemo, useState } from "react";
import type { EditorHandle } from "./code-editor";

export type FormatState = { kind: "going" } | { kind: "unknown" } | { kind: "failed"; reason: string };

export interface Formatting {
  /** Undefined when there is nothing to say: that it worked is seen. */
  state: FormatState | undefined;
  run: () => void;
  dismiss: () => void;
}

export function useFormat(editor: RefObject<EditorHandle | null>): Formatting {
  const [state, setState] = useState<FormatState>();
  const run = useCallback(() => {
    const handle = editor.current;
    if (!handle) return;
    setState({ kind: "going" });
    handle.format().then(
      (known) => setState(known ? undefined : { kind: "unknown" }),
      (error: unknown) =>
        setState({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
    );
  }, [editor]);
  return useMemo(() => ({ state, run, dismiss: () => setState(undefined) }), [state, run]);
}
