// Texts that were not saved when their page was closed, and are back: said, and to be thrown away if nobody wants them.
import { useTranslation } from "react-i18next";
import { Button } from "../components/button";
import { Notice } from "../components/notice";
import type { Restored } from "./draft/draft-state";
import type { DraftSync } from "./draft/draft-sync";

interface RestoredNoticeProps {
  restored: readonly Restored[];
  draft: DraftSync;
  onOpen: (path: string) => void;
}

export function RestoredNotice({ restored, draft, onOpen }: RestoredNoticeProps) {
  const { t } = useTranslation("frame");
  if (restored.length === 0) return null;
  const actions = (
    <>
      <Button small look="primary" onClick={() => draft.forgetRestored()} data-testid="restored-keep">
        {t("restoredKeep")}
      </Button>
      <Button
        small
        onClick={() => void draft.dropRestored().catch(() => undefined)}
        data-testid="restored-drop"
      >
        {t("restoredDrop")}
      </Button>
      {restored.map(({ path }) => (
        <Button key={path} small onClick={() => onOpen(path)}>
          {path.slice(path.lastIndexOf("/") + 1)}
        </Button>
      ))}
    </>
  );
  return (
    <div data-testid="restored">
      <Notice flat tone="warn" title={t("restoredTitle", { count: restored.length })} actions={actions}>
        {t("restored", { names: restored.map(({ path }) => path).join(", ") })}
      </Notice>
    </div>
  );
}
