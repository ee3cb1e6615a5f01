// The way to the commands for those who have not learned the key yet.
import { useTranslation } from "react-i18next";
import { IconButton } from "../components/button";
import { showWindow } from "./center";
import { ariaKeys, keysLabel } from "./keys";

const KEYS = "Mod+K";

export function PaletteButton() {
  const { t } = useTranslation("palette");
  return (
    <IconButton
      icon="search"
      label={t("openTitle", { keys: keysLabel(KEYS) })}
      aria-keyshortcuts={ariaKeys(KEYS)}
      aria-haspopup="dialog"
      data-testid="open-palette"
      onClick={() => showWindow("palette")}
    />
  );
}
