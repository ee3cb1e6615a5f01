// The data client in use: list, add and remove.
import { type FormEvent, useState } from "react";
import { Problem } from "../components/Problem";
import { useNotes } from "../lib/data/use-notes";

export function NotesPage() {
  const { state, error, add, remove } = useNotes();
  const [draft, setDraft] = useState("");

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (draft.trim() !== "" && (await add(draft.trim()))) setDraft("");
  }

  return (
    <div className="max-w-xl">
      <h1 className="text-3xl font-semibold tracking-tight">Notes</h1>
      <p className="mt-2 text-muted">Kept by the app’s back end, through src/lib/data.</p>
      <div className="mt-8 space-y-6">
        {error && <Problem error={error} />}
        {state.status === "loading" && <p className="text-muted">Loading your notes…</p>}
        {state.status === "ready" && (
          <>
            <form onSubmit={submit} className="flex gap-3">
              <label htmlFor="note" className="sr-only">
                New note
              </label>
              <input
                id="note"
                value={draft}
                placeholder="Write a note"
                onChange={(event) => setDraft(event.target.value)}
                className="h-11 min-w-0 flex-1 rounded-lg border border-line bg-panel px-3.5"
              />
              <button type="submit" className="rounded-lg bg-accent px-5 font-medium text-on-accent">
                Add
              </button>
            </form>
            {state.items.length === 0 && <p className="text-muted">No notes yet. Write the first one.</p>}
            <ul className="divide-y divide-line">
              {state.items.map((note) => (
                <li key={note.id} className="flex items-start justify-between gap-4 py-3">
                  {note.text}
                  <button
                    type="button"
                    onClick={() => remove(note.id)}
                    aria-label={`Remove “${note.text}”`}
                    className="rounded text-sm text-muted hover:text-ink"
                  >
                    Remove
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </div>
  );
}
