// What the server calls this page in the channel of an app: its own changes are told apart by it.
const ids = new Map<string, string>();

export function clientIdIn(app: string): string | undefined {
  return ids.get(app);
}

/** Undefined while there is no channel. */
export function setClientId(app: string, id: string | undefined): void {
  if (id === undefined) ids.delete(app);
  else ids.set(app, id);
}
