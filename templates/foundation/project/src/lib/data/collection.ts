// The data client: typed collections kept by the app's back end, at `data/{collection}` below its public address.
// Who may read and write what is decided there, never in the browser.
import { RuntimeError } from "../runtime/errors";
import { requestJson } from "../runtime/request";

export interface Collection<Item, Draft> {
  list: () => Promise<Item[]>;
  create: (draft: Draft) => Promise<Item>;
  update: (id: string, changes: Partial<Draft>) => Promise<Item>;
  remove: (id: string) => Promise<void>;
}

/**
 * A collection by name. `parse` turns one record into an item and returns null for a record of the wrong shape, which
 * then counts as a fault of the back end.
 */
export function collection<Item, Draft>(
  name: string,
  parse: (record: Record<string, unknown>) => Item | null,
): Collection<Item, Draft> {
  const path = `data/${encodeURIComponent(name)}`;
  const itemPath = (id: string) => `${path}/${encodeURIComponent(id)}`;

  function parseItem(value: unknown): Item {
    const item = isRecord(value) ? parse(value) : null;
    if (item === null) throw new RuntimeError("server", `The back end sent a record that does not fit “${name}”.`);
    return item;
  }

  return {
    list: async () => {
      const answer = await requestJson(path);
      const items = isRecord(answer) && Array.isArray(answer.items) ? answer.items : [];
      return items.map(parseItem);
    },
    create: async (draft) => parseItem(await requestJson(path, { method: "POST", body: draft })),
    update: async (id, changes) => parseItem(await requestJson(itemPath(id), { method: "PATCH", body: changes })),
    remove: async (id) => {
      await requestJson(itemPath(id), { method: "DELETE" });
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
