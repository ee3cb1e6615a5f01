// What a checkpoint is called where it has no name of its own.
import i18next from "i18next";
import type { Checkpoint } from "../../api/revision-calls";

export function nameOf({ label, draft_version }: Checkpoint): string {
  const own = label?.trim();
  return own ? own : i18next.t("changes:draft", { version: draft_version });
}
