// Notes on screen: loaded once, changed through the back end, never only in the browser.
import { useEffect, useState } from "react";
import { type RuntimeError, toRuntimeError } from "../runtime/errors";
import { type Note, notes } from "./notes";

type NotesState = { status: "loading" } | { status: "unavailable" } | { status: "ready"; items: Note[] };

export function useNotes() {
  const [state, setState] = useState<NotesState>({ status: "loading" });
  const [error, setError] = useState<RuntimeError | null>(null);

  useEffect(() => {
    let isCurrent = true;
    notes.list().then(
      (items) => isCurrent && setState({ status: "ready", items }),
      (thrown: unknown) => {
        if (!isCurrent) return;
        setState({ status: "unavailable" });
        setError(toRuntimeError(thrown));
      },
    );
    return () => {
      isCurrent = false;
    };
  }, []);

  /** Runs a change; what is on screen changes only after the back end has accepted it. True on success. */
  async function change(save: () => Promise<(items: Note[]) => Note[]>): Promise<boolean> {
    setError(null);
    try {
      const apply = await save();
      setState((current) => (current.status === "ready" ? { ...current, items: apply(current.items) } : current));
      return true;
    } catch (thrown) {
      setError(toRuntimeError(thrown));
      return false;
    }
  }

  return {
    state,
    error,
    add: (text: string) =>
      change(async () => {
        const note = await notes.create({ text });
        return (items) => [note, ...items];
      }),
    remove: (id: string) =>
      change(async () => {
        await notes.remove(id);
        return (items) => items.filter((note) => note.id !== id);
      }),
  };
}
