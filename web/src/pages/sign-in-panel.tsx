// Signs in with an email and a password, or with the admin key.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "wouter";
import { signIn, signInWithKey } from "../api/calls";
import { Button } from "../components/button";
import { LanguageChoice } from "../components/language-choice";
import { Notice, ProblemNotice } from "../components/notice";
import { Wordmark } from "../components/wordmark";
import { AccountFields, NO_ACCOUNT } from "./account-fields";
import styles from "./auth-gate.module.css";

interface SignInPanelProps {
  /** True for somebody who was signed in on this page before. */
  again?: boolean;
}

export function SignInPanel({ again = false }: SignInPanelProps) {
  const { t } = useTranslation("account");
  const [usesKey, setUsesKey] = useState(false);
  const [search] = useSearchParams();
  const Place = again ? "section" : "main";
  return (
    <Place className={again ? styles.strip : styles.page} aria-label={t("signIn.title")}>
      <div className={styles.panel}>
        {!again && <Wordmark />}
        {!again && <h1 className={styles.title}>{t("signIn.title")}</h1>}
        {again && <p>{t("signIn.again")}</p>}
        {search.get("sign_in") === "expired" && !again && (
          <Notice tone="warn" title={t("signIn.expiredTitle")}>
            {t("signIn.expired")}
          </Notice>
        )}
        {usesKey ? <KeyForm autoFocus={!again} /> : <AccountForm autoFocus={!again} />}
        <button
          type="button"
          className={styles.other}
          onClick={() => setUsesKey(!usesKey)}
          data-testid="sign-in-otherwise"
        >
          {usesKey ? t("signIn.useAccount") : t("signIn.useKey")}
        </button>
        {!again && <LanguageChoice />}
      </div>
    </Place>
  );
}

interface FormProps {
  /** Where signing in is the one thing to do on the page. */
  autoFocus: boolean;
}

function AccountForm({ autoFocus }: FormProps) {
  const { t } = useTranslation("account");
  const [account, setAccount] = useState(NO_ACCOUNT);
  const queryClient = useQueryClient();
  const submit = useMutation({
    mutationFn: () => signIn(account.email, account.password),
    onSuccess: () => queryClient.invalidateQueries(),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  return (
    <form className={styles.fields} onSubmit={onSubmit} data-testid="sign-in">
      <AccountFields account={account} onChange={setAccount} autoFocus={autoFocus} />
      <Button type="submit" look="primary" disabled={submit.isPending}>
        {submit.isPending ? t("signIn.submitting") : t("signIn.submit")}
      </Button>
      {submit.error && <ProblemNotice error={submit.error} />}
    </form>
  );
}

function KeyForm({ autoFocus }: FormProps) {
  const { t } = useTranslation("account");
  const keyId = useId();
  const [key, setKey] = useState("");
  const queryClient = useQueryClient();
  const submit = useMutation({
    mutationFn: () => signInWithKey(key.trim()),
    onSuccess: () => queryClient.invalidateQueries(),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== "") submit.mutate();
  };
  return (
    <form className={styles.fields} onSubmit={onSubmit} data-testid="sign-in-key">
      <p className={styles.intro}>
        {t("signIn.intro")} {t("signIn.whereBefore")} <code>admin-key</code>
        {t("signIn.whereAfter")}
      </p>
      <label className={styles.label} htmlFor={keyId}>
        {t("signIn.key")}
      </label>
      <div className={styles.row}>
        <input
          id={keyId}
          className={styles.input}
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder="vt_…"
          value={key}
          onChange={(event) => setKey(event.target.value)}
          // biome-ignore lint/a11y/noAutofocus: nothing stands before it that a reader would miss
          autoFocus={autoFocus}
        />
        <Button type="submit" look="primary" disabled={submit.isPending || key.trim() === ""}>
          {submit.isPending ? t("signIn.submitting") : t("signIn.submit")}
        </Button>
      </div>
      {submit.error && <ProblemNotice error={submit.error} />}
    </form>
  );
}
