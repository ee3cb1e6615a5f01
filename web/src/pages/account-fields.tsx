// Email and password, as people type them to sign in or to choose them.

import { useId } from "react";
import { useTranslation } from "react-i18next";
import styles from "./auth-gate.module.css";

/** As short as the server takes. */
const LEAST_CHARS = 12;

export interface Account {
  email: string;
  password: string;
}

export const NO_ACCOUNT: Account = { email: "", password: "" };

interface AccountFieldsProps {
  account: Account;
  onChange: (account: Account) => void;
  /** True where the password is chosen, not known. */
  isNew?: boolean;
  autoFocus?: boolean;
}

export function AccountFields({ account, onChange, isNew = false, autoFocus = false }: AccountFieldsProps) {
  const { t } = useTranslation("account");
  const id = useId();
  return (
    <>
      <label className={styles.label} htmlFor={`${id}-email`}>
        {t("email")}
      </label>
      <input
        id={`${id}-email`}
        name="email"
        className={styles.input}
        type="email"
        autoComplete="username"
        spellCheck={false}
        required
        value={account.email}
        onChange={(event) => onChange({ ...account, email: event.target.value })}
        // biome-ignore lint/a11y/noAutofocus: nothing stands before it that a reader would miss
        autoFocus={autoFocus}
      />
      <label className={styles.label} htmlFor={`${id}-password`}>
        {t("password")}
      </label>
      <input
        id={`${id}-password`}
        name="password"
        className={styles.input}
        type="password"
        autoComplete={isNew ? "new-password" : "current-password"}
        required
        minLength={isNew ? LEAST_CHARS : undefined}
        aria-describedby={isNew ? `${id}-rule` : undefined}
        value={account.password}
        onChange={(event) => onChange({ ...account, password: event.target.value })}
      />
      {isNew && (
        <p id={`${id}-rule`} className={styles.rule}>
          {t("rule", { chars: LEAST_CHARS })}
        </p>
      )}
    </>
  );
}
