// Reads aloud how publishing goes, for those who do not see the panel.
import i18next from "i18next";
import { announcementOf } from "./publish-view";
import type { PublishHandle } from "./use-publish";

export function Announcer({ publish }: { publish: PublishHandle }) {
  return (
    <p className="visually-hidden" aria-live="polite" data-testid="announcer">
      {wordsOf(publish)}
    </p>
  );
}

function wordsOf({ phase, fault, shown, active, isLatest, feed }: PublishHandle): string {
  if (phase === "saving") return i18next.t("site:publish.saving");
  if (phase === "asking") return i18next.t("site:publish.asking");
  if (fault) return i18next.t("site:publish.status.failed");
  // What ended before this page came is no news.
  const watched = active !== undefined || feed.publish !== undefined;
  return shown && isLatest && watched ? announcementOf(shown) : "";
}
