// Searching all files of a draft.
import { sendJson } from "./http";

export interface SearchMatch {
  path: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units, as is `length`. */
  column: number;
  length: number;
  /** The line, or the part of a long one around the match. */
  text: string;
  /** Where `text` begins in the line, from 0. */
  text_offset: number;
}

export interface SearchResult {
  /** The draft version that was searched. */
  version: number;
  matches: SearchMatch[];
  /** True when there are more. */
  truncated: boolean;
  searched_files: number;
  /** Too large, or no text. */
  skipped_files: number;
}

export interface SearchWish {
  query: string;
  regex: boolean;
  caseSensitive: boolean;
}

/** As many places as a person looks through; who has more searches more narrowly. */
export const SEARCH_LIMIT = 200;

export function searchApp(app: string, wish: SearchWish, signal: AbortSignal): Promise<SearchResult> {
  const query = new URLSearchParams({
    query: wish.query,
    regex: String(wish.regex),
    case_sensitive: String(wish.caseSensitive),
    limit: String(SEARCH_LIMIT),
  });
  return sendJson("GET", `/v1/apps/${encodeURIComponent(app)}/search?${query}`, { signal });
}
