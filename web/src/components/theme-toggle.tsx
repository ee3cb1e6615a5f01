// Light or dark, by one button.
import { useTranslation } from "react-i18next";
import { IconButton } from "./button";
import { useTheme } from "./theme";

export function ThemeToggle() {
  const { t } = useTranslation("common");
  const [theme, choose] = useTheme();
  const dark = theme === "dark";
  return (
    <IconButton
      icon={dark ? "sun" : "moon"}
      label={t(dark ? "toLight" : "toDark")}
      onClick={() => choose(dark ? "light" : "dark")}
    />
  );
}
