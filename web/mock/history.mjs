// The stand-in's history of an app: checkpoints, what differs between two states, undo and redo, search. All in memory.
import { createHash, randomUUID } from "node:crypto";

const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const entry = (bytes) => ({ sha256: sha(bytes), size: bytes.length, mode: "100644" });
const isSame = (a, b) => a.size === b.size && [...a].every(([path, bytes]) => b.get(path)?.equals(bytes));

/** What every app begins with. */
export function newHistory() {
  return { revisions: [], at: -1 };
}

const viewOf = (app, { id, files, version, label, created_at }) => ({
  id,
  app_id: app.view.id,
  draft_version: version,
  ...(label && { label }),
  created_at,
  file_count: files.size,
  size_bytes: [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0),
});

export function listRevisions(app) {
  return { items: [...app.history.revisions].reverse().map((revision) => viewOf(app, revision)) };
}

/** Takes a snapshot, unless the newest one is the same. */
export function checkpoint(app, label) {
  const { history } = app;
  const newest = history.revisions.at(-1);
  if (newest && isSame(newest.files, app.files)) return viewOf(app, newest);
  const revision = {
    id: `rev_${randomUUID().slice(0, 8)}`,
    files: new Map(app.files),
    version: app.version,
    label,
    created_at: new Date().toISOString(),
  };
  history.revisions.push(revision);
  history.at = history.revisions.length - 1;
  return viewOf(app, revision);
}

export function revisionOf(app, id) {
  return app.history.revisions.find((revision) => revision.id === id);
}

function goTo(app, revision) {
  app.files = new Map(revision.files);
  app.version += 1;
  app.updated_at = new Date().toISOString();
  return { version: app.version, revision: revision.id, applied: 1 };
}

export function restore(app, id) {
  return goTo(app, revisionOf(app, id));
}

/** One step back, -1, or forward, 1; undefined when there is none. */
export function step(app, by) {
  const { history } = app;
  const current = history.revisions[history.at];
  if (by < 0 && (!current || !isSame(current.files, app.files))) {
    checkpoint(app);
    history.at = history.revisions.length - 1;
  }
  const target = history.revisions[history.at + by];
  if (!target) return undefined;
  history.at += by;
  return goTo(app, target);
}

export function diff(app, id, against) {
  const from = revisionOf(app, id).files;
  const to = against === "draft" ? app.files : revisionOf(app, against).files;
  const files = [];
  for (const path of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    const [before, after] = [from.get(path), to.get(path)];
    if (before && after?.equals(before)) continue;
    const status = !before ? "added" : after ? "modified" : "deleted";
    files.push({
      path,
      status,
      ...(before && { before: entry(before) }),
      ...(after && { after: entry(after) }),
      is_text: !(before ?? after).includes(0),
    });
  }
  const end = against === "draft" ? { version: app.version } : { revision: against };
  return { from: { revision: id }, to: end, files, truncated: false };
}

const LIMIT = 200;

export function search(app, params) {
  const text = params.get("query") ?? "";
  const source = params.get("regex") === "true" ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  let pattern;
  try {
    pattern = new RegExp(source, params.get("case_sensitive") === "true" ? "g" : "gi");
  } catch (error) {
    return { fault: error.message };
  }
  const matches = [];
  for (const path of [...app.files.keys()].sort()) {
    for (const [index, line] of app.files.get(path).toString().split("\n").entries()) {
      for (const match of line.matchAll(pattern)) {
        if (match[0] === "") continue;
        const from = Math.max(0, match.index - 200);
        matches.push({
          path,
          line: index + 1,
          column: match.index + 1,
          length: match[0].length,
          text: line.slice(from, from + 400),
          text_offset: from,
        });
      }
    }
  }
  return {
    version: app.version,
    matches: matches.slice(0, LIMIT),
    truncated: matches.length > LIMIT,
    searched_files: app.files.size,
    skipped_files: 0,
  };
}
