// A role to give, with what it may do.
import { useTranslation } from "react-i18next";
import type { Role } from "../api/settings-types";
import { ChoiceField } from "./field";

interface RoleChoiceProps {
  value: Role;
  options: readonly Role[];
  onChoose: (role: Role) => void;
}

export function RoleChoice({ value, options, onChoose }: RoleChoiceProps) {
  const { t } = useTranslation("settings");
  return (
    <ChoiceField
      label={t("role")}
      hint={t(`roleHints.${value}`)}
      value={value}
      options={options.map((option) => ({ value: option, label: t(`roles.${option}`) }))}
      onChoose={onChoose}
    />
  );
}
