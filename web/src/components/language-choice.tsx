// The language of the page; each by its own name, so that whoever landed in the wrong one finds theirs.
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { chooseLanguage, currentLanguage, LANGUAGES, type Language } from "../i18n/i18n";
import styles from "./field.module.css";

export function LanguageChoice() {
  const { t } = useTranslation("common");
  const id = useId();
  return (
    <span className={styles.inline}>
      <label htmlFor={id} className="visually-hidden">
        {t("language")}
      </label>
      <select
        id={id}
        className={styles.quietSelect}
        value={currentLanguage()}
        onChange={(event) => void chooseLanguage(event.target.value as Language)}
        data-testid="language"
      >
        {Object.entries(LANGUAGES).map(([language, name]) => (
          <option key={language} value={language} lang={language}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}
