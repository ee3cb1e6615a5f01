import { strings } from "../strings";
import { IconButton } from "./button";
import { useTheme } from "./theme";

export function ThemeToggle() {
  const [theme, choose] = useTheme();
  const dark = theme === "dark";
  return (
    <IconButton
      icon={dark ? "sun" : "moon"}
      label={dark ? strings.theme.toLight : strings.theme.toDark}
      onClick={() => choose(dark ? "light" : "dark")}
    />
  );
}
