// Signs in with an email and a password, or with the admin key.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useSearchParams } from "wouter";
import { signIn, signInWithKey } from "../api/calls";
import { Button } from "../components/button";
import { Notice, ProblemNotice } from "../components/notice";
import { Wordmark } from "../components/wordmark";
import { strings } from "../strings";
import { AccountFields, NO_ACCOUNT } from "./account-fields";
import styles from "./auth-gate.module.css";

const text = strings.signIn;

interface SignInPanelProps {
  /** True for somebody who was signed in on this page before. */
  again?: boolean;
}

export function SignInPanel({ again = false }: SignInPanelProps) {
  const [usesKey, setUsesKey] = useState(false);
  const [search] = useSearchParams();
  const Place = again ? "section" : "main";
  return (
    <Place className={again ? styles.strip : styles.page} aria-label={text.title}>
      <div className={styles.panel}>
        {!again && <Wordmark />}
        {!again && <h1 className={styles.title}>{text.title}</h1>}
        {again && <p>{text.again}</p>}
        {search.get("sign_in") === "expired" && !again && (
          <Notice tone="warn" title={text.expiredTitle}>
            {text.expired}
          </Notice>
        )}
        {usesKey ? <KeyForm autoFocus={!again} /> : <AccountForm autoFocus={!again} />}
        <button
          type="button"
          className={styles.other}
          onClick={() => setUsesKey(!usesKey)}
          data-testid="sign-in-otherwise"
        >
          {usesKey ? text.useAccount : text.useKey}
        </button>
      </div>
    </Place>
  );
}

interface FormProps {
  /** Where signing in is the one thing to do on the page. */
  autoFocus: boolean;
}

function AccountForm({ autoFocus }: FormProps) {
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
        {submit.isPending ? text.submitting : text.submit}
      </Button>
      {submit.error && <ProblemNotice error={submit.error} />}
    </form>
  );
}

function KeyForm({ autoFocus }: FormProps) {
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
        {text.intro} {text.whereBefore} <code>{text.keyFile}</code>
        {text.whereAfter}
      </p>
      <label className={styles.label} htmlFor={keyId}>
        {text.key}
      </label>
      <div className={styles.row}>
        <input
          id={keyId}
          className={styles.input}
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder={text.placeholder}
          value={key}
          onChange={(event) => setKey(event.target.value)}
          // biome-ignore lint/a11y/noAutofocus: nothing stands before it that a reader would miss
          autoFocus={autoFocus}
        />
        <Button type="submit" look="primary" disabled={submit.isPending || key.trim() === ""}>
          {submit.isPending ? text.submitting : text.submit}
        </Button>
      </div>
      {submit.error && <ProblemNotice error={submit.error} />}
    </form>
  );
}
