// How long a link or a key works.
import { useTranslation } from "react-i18next";
import { ChoiceField } from "./field";

const HOUR = 3_600;
const SECONDS = {
  hour: HOUR,
  day: 24 * HOUR,
  week: 7 * 24 * HOUR,
  month: 30 * 24 * HOUR,
  year: 365 * 24 * HOUR,
  never: undefined,
} as const;

export type Expiry = keyof typeof SECONDS;

/** In seconds; undefined is without an end. */
export function secondsOf(expiry: Expiry): number | undefined {
  return SECONDS[expiry];
}

interface ExpiryChoiceProps {
  value: Expiry;
  options: readonly Expiry[];
  onChoose: (expiry: Expiry) => void;
}

export function ExpiryChoice({ value, options, onChoose }: ExpiryChoiceProps) {
  const { t } = useTranslation("settings");
  return (
    <ChoiceField
      label={t("expiry.label")}
      value={value}
      options={options.map((option) => ({ value: option, label: t(`expiry.${option}`) }))}
      onChoose={onChoose}
    />
  );
}
