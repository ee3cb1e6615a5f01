// What a publish's event stream has told so far: its state, and its log in order, each line once.
import type { Publish, PublishLogLine } from "../../api/types";
import { appendLines } from "../log/log-lines";
import { isOver } from "./publish-view";

export interface Feed {
  publish: Publish | undefined;
  lines: readonly PublishLogLine[];
  /** True once everything was told; nobody listens any more. */
  ended: boolean;
  connection: "connecting" | "open" | "lost";
}

export type FeedEvent =
  | { type: "open" }
  | { type: "lost" }
  | { type: "log"; lines: readonly PublishLogLine[] }
  | { type: "publish"; publish: Publish }
  | { type: "end" };

export const SILENT_FEED: Feed = { publish: undefined, lines: [], ended: false, connection: "connecting" };

/** The feed after `event`. A stream that is opened anew may tell again what was told; nothing appears twice. */
export function feedAfter(feed: Feed, event: FeedEvent): Feed {
  if (event.type === "open") return { ...feed, connection: "open" };
  // The stream is closed after its end: not a loss.
  if (event.type === "lost") return feed.ended ? feed : { ...feed, connection: "lost" };
  if (event.type === "log") return { ...feed, lines: appendLines(feed.lines, event.lines) };
  if (event.type === "end") return { ...feed, ended: true };
  // What has ended never changes again, so an older state told again is left out.
  if (feed.publish && isOver(feed.publish) && !isOver(event.publish)) return feed;
  return { ...feed, publish: event.publish };
}

/** How many lines from before those at hand there were. */
export function droppedLines({ lines }: Feed): number {
  return Math.max(0, (lines[0]?.seq ?? 1) - 1);
}

/** The publish as it is now, by its stream and by the list that was asked for: the list helps when the stream is cut. */
export function newestOf(feed: Feed, listed: Publish | undefined): Publish | undefined {
  const { publish, connection } = feed;
  if (!publish || !listed || publish.id !== listed.id) return listed ?? publish;
  if (isOver(publish)) return publish;
  if (isOver(listed)) return listed;
  return connection === "open" && !feed.ended ? publish : listed;
}
