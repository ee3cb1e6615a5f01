// Notes: the example of a collection. Copy this file for your own.
import { collection } from "./collection";

export interface Note {
  id: string;
  text: string;
}

export const notes = collection<Note, { text: string }>("notes", ({ id, text }) =>
  typeof id === "string" && typeof text === "string" ? { id, text } : null,
);
