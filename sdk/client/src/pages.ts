// Lists that come by pages.

export interface PageOptions {
  /** Items of a page; at most 200, 50 when absent. */
  limit?: number;
  /** The `next_cursor` of the page before. */
  cursor?: string;
}

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/** Every item of a list; pages are asked for as the loop gets to them. */
export async function* everyItem<T>(
  readPage: (page: PageOptions) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  do {
    const page: Page<T> = await readPage(cursor === undefined ? {} : { cursor });
    yield* page.items;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
