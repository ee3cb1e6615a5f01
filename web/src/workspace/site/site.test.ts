import { beforeAll, expect, test } from "vitest";
import type { App, HostingSettings, Page, Publish, PublishStep, Release } from "../../api/types";
import { shortAgoOf } from "../../components/format";
import { startLanguage } from "../../i18n/i18n";
import { historyOf, shortId } from "./history";
import { droppedLines, type Feed, type FeedEvent, feedAfter, newestOf, SILENT_FEED } from "./publish-feed";
import { announcementOf, builtBefore, headlineOf, placeOf, remedyOf, stepRows } from "./publish-view";
import { addressOf, ribbonOf } from "./ribbon-text";
import { editOf, settingsOf, withPolicy } from "./settings";

beforeAll(() => startLanguage("en"));

const T0 = Date.parse("2026-01-01T12:00:00Z");
const at = (ms: number) => new Date(T0 + ms).toISOString();

function publishOf(part: Partial<Publish>): Publish {
  return {
    id: "pub_1",
    app_id: "app_1",
    status: "running",
    build_seq: 1,
    revision_id: "rev_1",
    mode: "production",
    target: "hosting",
    site_url: "http://shop.apps.localhost:4400/",
    steps: [],
    attempt: 1,
    reused: false,
    created_at: at(0),
    ...part,
  };
}

function releaseOf(part: Partial<Release>): Release {
  return {
    id: "rel_7",
    app_id: "app_1",
    number: 7,
    artifact: "art_1",
    revision_id: "rev_41",
    cause: "publish",
    current: true,
    created_at: at(0),
    ...part,
  };
}

const STEPS: PublishStep[] = [
  { name: "check", status: "done", started_at: at(0), finished_at: at(40) },
  { name: "toolchain", status: "skipped" },
  { name: "layer", status: "active", started_at: at(40), detail: "Installing 214 packages" },
  { name: "build", status: "pending" },
];

const told = (rows: ReturnType<typeof stepRows>) =>
  rows.map(({ label, status, time, detail }) => [label, status, time, detail].filter(Boolean).join(" | "));

// The steps.

test("a step shows what it took, the one that waits for what, and one that was not needed says so", () => {
  expect(told(stepRows(publishOf({ steps: STEPS }), T0 + 1_540))).toEqual([
    "Check files | done | 40 ms",
    "Node.js | skipped | not needed",
    "Packages | active | 1.5 s | Installing 214 packages",
    "Build | pending",
  ]);
});

test("all steps are to come before the server has answered", () => {
  const rows = stepRows(undefined, T0);
  expect(rows.map(({ name }) => name).join(" ")).toBe(
    "check toolchain layer build pack upload verify switch",
  );
  expect(rows.every(({ status, time }) => status === "pending" && time === undefined)).toBe(true);
  expect(stepRows(publishOf({ status: "queued" }), T0)).toEqual(rows);
});

test("nothing goes on in a publish that has ended", () => {
  const [, , failed] = stepRows(
    publishOf({ status: "failed", finished_at: at(90), steps: STEPS }),
    T0 + 9_000,
  );
  expect(failed).toMatchObject({ status: "failed", time: "50 ms" });
  const [, , stopped] = stepRows(publishOf({ status: "cancelled", finished_at: at(90), steps: STEPS }), T0);
  expect(stopped?.status).toBe("pending");
  expect(stopped).not.toHaveProperty("time");
});

test("a server whose clock is ahead does not make a step take less than nothing", () => {
  expect(stepRows(publishOf({ steps: STEPS }), T0 - 5_000)[2]?.time).toBe("0.0 s");
});

test("a step of a newer server is shown under its own name", () => {
  const steps = [{ name: "sign", status: "done" }] as unknown as PublishStep[];
  expect(stepRows(publishOf({ steps }), T0)[0]?.label).toBe("sign");
});

test("an earlier build that is used again is not told of by every step that it spared", () => {
  const steps: PublishStep[] = [{ name: "build", status: "skipped", detail: "an earlier artifact is used" }];
  expect(stepRows(publishOf({ steps, reused: true }), T0)[0]?.detail).toBe("not needed");
  expect(stepRows(publishOf({ steps }), T0)[0]?.detail).toBe("an earlier artifact is used");
});

test("the headline counts while it goes on and gives the whole time at the end", () => {
  expect(headlineOf(publishOf({ status: "queued" }), T0 + 2_000)).toBe("Waiting to start · 2.0 s");
  expect(headlineOf(publishOf({ started_at: at(1_000) }), T0 + 4_000)).toBe("Publishing · 3.0 s");
  expect(headlineOf(publishOf({ status: "succeeded", finished_at: at(6_200) }), T0)).toBe(
    "Published in 6.2 s",
  );
  expect(headlineOf(publishOf({ status: "failed", finished_at: at(6_200) }), T0)).toBe("Publishing failed");
});

test("what is read aloud changes with the step and not with the clock", () => {
  expect(announcementOf(publishOf({ steps: STEPS }))).toBe("Step 3 of 4: Packages");
  expect(announcementOf(publishOf({ status: "succeeded", finished_at: at(6_200) }))).toBe(
    "Published in 6.2 s",
  );
  const error = { type: "", title: "The build failed", status: 422, code: "build_failed", detail: "" };
  expect(announcementOf(publishOf({ status: "failed", error }))).toBe("Publishing failed. The build failed");
});

test("a size is compared with the last build of the same target, not with one that made nothing", () => {
  const all = [
    publishOf({ id: "pub_5", build_seq: 5, artifact: "art_5" }),
    publishOf({ id: "pub_4", build_seq: 4, status: "failed" }),
    publishOf({ id: "pub_3", build_seq: 3, artifact: "art_3", target: "preview" }),
    publishOf({ id: "pub_2", build_seq: 2, artifact: "art_2" }),
  ];
  const [newest] = all;
  expect(newest && builtBefore(newest, all)?.id).toBe("pub_2");
  expect(builtBefore(publishOf({ build_seq: 2 }), all)).toBeUndefined();
});

// What to do about a failure.

test("a failure leads to its first line in a file that is there, else to another try", () => {
  const exists = (path: string) => path.startsWith("src/");
  const fault = (path?: string, line?: number) => ({
    code: "x",
    message: "",
    ...(path !== undefined && { path }),
    ...(line !== undefined && { line }),
  });
  expect(
    remedyOf({ errors: [fault("gone.ts", 3), fault("src/a.ts"), fault("src/b.ts", 12)] }, exists),
  ).toEqual({
    kind: "open",
    place: { path: "src/b.ts", line: 12 },
  });
  expect(remedyOf({ errors: [fault("src/a.ts")] }, exists)).toMatchObject({ place: { path: "src/a.ts" } });
  expect(remedyOf({ errors: [fault("gone.ts", 3), fault()] }, exists)).toEqual({ kind: "again" });
  expect(remedyOf({}, exists)).toEqual({ kind: "again" });
  expect(placeOf({ path: "src/a.ts", line: 1, column: 4 }, exists)).toEqual({
    path: "src/a.ts",
    line: 1,
    column: 4,
  });
});

// The ribbon.

const app: Pick<App, "status" | "release" | "published_url" | "site_url"> = {
  status: "published",
  release: releaseOf({}),
  published_url: "http://a.apps.localhost:4400/",
};
const hosting = { paused: false };
const released = { id: "rev_41", draft_version: 41 };

test("the ribbon says what strangers see and how far the draft is ahead", () => {
  expect(ribbonOf({ app, hosting, released, draftVersion: 44 }, T0 + 190_000)).toEqual({
    state: "live",
    words: "Live · r7 · 3 min ago",
    url: "http://a.apps.localhost:4400/",
    ahead: 3,
  });
  expect(ribbonOf({ app, hosting, released, draftVersion: 41 }, T0).ahead).toBe(0);
});

test("the ribbon of an app that is not published leads nowhere", () => {
  const site_url = "http://a.apps.localhost:4400/";
  const none = ribbonOf({ app: { status: "draft", site_url }, hosting, released, draftVersion: 4 }, T0);
  expect(none).toEqual({ state: "none", words: "Not published" });
});

test("a paused site is not called live", () => {
  const paused = ribbonOf({ app, hosting: { paused: true }, released, draftVersion: 41 }, T0);
  expect(paused).toMatchObject({ state: "paused", words: "Paused · r7 · just now" });
});

test("how far the draft is ahead is left out while the released revision is not known", () => {
  const before = { id: "rev_38", draft_version: 38 };
  expect(ribbonOf({ app, hosting, released: before, draftVersion: 44 }, T0)).not.toHaveProperty("ahead");
  expect(ribbonOf({ app, hosting, released: undefined, draftVersion: 44 }, T0)).not.toHaveProperty("ahead");
});

test("times and addresses are short where there is little room", () => {
  const ago = (minutes: number) => shortAgoOf(at(0), T0 + minutes * 60_000);
  expect([-1, 0.9, 59, 61, 1_439, 1_440, 5_000].map(ago)).toEqual([
    "just now",
    "just now",
    "59 min ago",
    "1 h ago",
    "23 h ago",
    "1 day ago",
    "3 days ago",
  ]);
  expect(addressOf("https://a.example/")).toBe("a.example");
});

// The stream.

const line = (seq: number) =>
  ({ seq, at: at(seq), step: "build", is_stderr: false, text: `${seq}` }) as const;
const log = (...seqs: number[]): FeedEvent => ({ type: "log", lines: seqs.map(line) });
const feedOf = (...events: FeedEvent[]): Feed => events.reduce(feedAfter, SILENT_FEED);
const seqs = (feed: Feed) => feed.lines.map(({ seq }) => seq);

test("a stream that is resumed goes on where it was cut", () => {
  const feed = feedOf({ type: "open" }, log(1, 2), { type: "lost" }, { type: "open" }, log(3));
  expect(seqs(feed)).toEqual([1, 2, 3]);
  expect(feed.connection).toBe("open");
});

test("a stream that starts over tells nothing twice, not even within one frame", () => {
  expect(seqs(feedOf(log(1, 2), { type: "lost" }, { type: "open" }, log(1, 2, 3)))).toEqual([1, 2, 3]);
  expect(seqs(feedOf(log(1), log(2, 1, 2, 3)))).toEqual([1, 2, 3]);
});

test("the end of a stream is no loss of its connection", () => {
  const feed = feedOf({ type: "open" }, log(1), { type: "end" }, { type: "lost" });
  expect(feed).toMatchObject({ ended: true, connection: "open" });
});

test("a publish that has ended does not run again because an old state is told again", () => {
  const over = publishOf({ status: "succeeded" });
  const feed = feedOf({ type: "publish", publish: over }, { type: "publish", publish: publishOf({}) });
  expect(feed.publish).toBe(over);
});

test("lines from before a bounded log are counted", () => {
  expect(droppedLines(feedOf(log(5, 6)))).toBe(4);
  expect(droppedLines(feedOf(log(1)))).toBe(0);
  expect(droppedLines(SILENT_FEED)).toBe(0);
});

test("the list makes up for a stream that was cut, and never turns a publish back", () => {
  const running = publishOf({});
  const queued = publishOf({ status: "queued" });
  const over = publishOf({ status: "failed" });
  const open = feedOf({ type: "open" }, { type: "publish", publish: running });
  expect(newestOf(open, queued)).toBe(running);
  expect(newestOf(open, over)).toBe(over);
  expect(newestOf(feedAfter(open, { type: "lost" }), queued)).toBe(queued);
  expect(newestOf(feedOf({ type: "publish", publish: over }), running)).toBe(over);
  expect(newestOf(SILENT_FEED, running)).toBe(running);
  const other = publishOf({ id: "pub_2" });
  expect(newestOf(open, other)).toBe(other);
});

// The history.

const page = <T>(items: T[], next?: string): Page<T> => ({
  items,
  ...(next !== undefined && { next_cursor: next }),
});

test("releases and what led to none stand in the order of time", () => {
  const releases = [
    page([releaseOf({ id: "rel_2", created_at: at(30) }), releaseOf({ id: "rel_1", created_at: at(10) })]),
  ];
  const publishes = [
    page([
      publishOf({ id: "pub_4", created_at: at(40), target: "preview" }),
      publishOf({ id: "pub_3", created_at: at(29), status: "succeeded", release: "rel_2" }),
      publishOf({ id: "pub_2", created_at: at(20), status: "failed" }),
    ]),
  ];
  const ids = historyOf(releases, publishes).map((item) =>
    item.kind === "release" ? item.release.id : item.publish.id,
  );
  expect(ids).toEqual(["rel_2", "pub_2", "rel_1"]);
});

test("what is older than the last item of a list with more pages waits for them", () => {
  const releases = [page([releaseOf({ created_at: at(50) })], "more")];
  const publishes = [page([publishOf({ created_at: at(60) }), publishOf({ created_at: at(40) })])];
  expect(historyOf(releases, publishes)).toHaveLength(2);
  expect(historyOf([...releases, page<Release>([])], publishes)).toHaveLength(3);
});

test("a short id leaves out what all ids have in common", () => {
  expect(shortId("art_3k9x2mq7ab")).toBe("3k9x2mq");
});

// The settings.

test("origins come one a line, and what the form does not show goes back as it came", () => {
  const saved: HostingSettings = { paused: true, fallback: "page", runtime_config: { a: 1 } };
  expect(editOf(saved).frames).toBe("");
  const edit = { ...editOf(saved), frames: " https://a.example\n\nhttps://b.example, " };
  const frame_ancestors = ["https://a.example", "https://b.example"];
  expect(settingsOf(edit)).toEqual({ ...saved, frame_ancestors });
  expect(editOf({ ...saved, frame_ancestors }).frames).toBe("https://a.example\nhttps://b.example");
});

test("an empty policy is none", () => {
  const settings: HostingSettings = { paused: false, fallback: "auto" };
  const strict = withPolicy(settings, "default-src 'self'");
  expect(strict.content_security_policy).toBe("default-src 'self'");
  expect(withPolicy(strict, "  ")).toEqual(settings);
});
