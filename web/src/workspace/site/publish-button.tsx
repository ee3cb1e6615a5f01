// Publishes the draft, or shows the publish that goes on; by a key as well.
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { ariaKeys, keysLabel } from "../../commands/keys";
import { Button } from "../../components/button";
import { PUBLISH_KEYS } from "./use-site-commands";

interface PublishButtonProps {
  ref: RefObject<HTMLButtonElement | null>;
  going: boolean;
  onPublish: () => void;
}

export function PublishButton({ ref, going, onPublish }: PublishButtonProps) {
  const { t } = useTranslation("site");
  return (
    <Button
      ref={ref}
      small
      look="primary"
      title={t("publish.shortcut", { keys: keysLabel(PUBLISH_KEYS) })}
      aria-keyshortcuts={ariaKeys(PUBLISH_KEYS)}
      data-testid="publish"
      onClick={onPublish}
    >
      {going ? t("publish.going") : t("publish.button")}
    </Button>
  );
}
