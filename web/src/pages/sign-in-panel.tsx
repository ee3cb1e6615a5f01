// Signs in with the admin key.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useSearchParams } from "wouter";
import { signIn } from "../api/calls";
import { Button } from "../components/button";
import { Notice, ProblemNotice } from "../components/notice";
import { Wordmark } from "../components/wordmark";
import { strings } from "../strings";
import styles from "./auth-gate.module.css";

const text = strings.signIn;

interface SignInPanelProps {
  /** True for somebody who was signed in on this page before. */
  again?: boolean;
}

export function SignInPanel({ again = false }: SignInPanelProps) {
  const keyId = useId();
  const [key, setKey] = useState("");
  const [search] = useSearchParams();
  const queryClient = useQueryClient();
  const submit = useMutation({
    mutationFn: () => signIn(key.trim()),
    onSuccess: () => queryClient.invalidateQueries(),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== "") submit.mutate();
  };
  const Place = again ? "section" : "main";
  return (
    <Place className={again ? styles.strip : styles.page} aria-label={text.title}>
      <form className={styles.panel} onSubmit={onSubmit} data-testid="sign-in">
        {!again && <Wordmark />}
        {!again && <h1 className={styles.title}>{text.title}</h1>}
        {again ? <p>{text.again}</p> : <Intro />}
        {search.get("sign_in") === "expired" && !again && (
          <Notice tone="warn" title={text.expiredTitle}>
            {text.expired}
          </Notice>
        )}
        <label className={styles.label} htmlFor={keyId}>
          {text.key}
        </label>
        <div className={styles.row}>
          <input
            id={keyId}
            className={styles.input}
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            placeholder={text.placeholder}
            value={key}
            onChange={(event) => setKey(event.target.value)}
            // The one thing to do on this page.
            // biome-ignore lint/a11y/noAutofocus: nothing stands before it that a reader would miss
            autoFocus={!again}
          />
          <Button type="submit" look="primary" disabled={submit.isPending || key.trim() === ""}>
            {submit.isPending ? text.submitting : text.submit}
          </Button>
        </div>
        {submit.error && <ProblemNotice error={submit.error} />}
      </form>
    </Place>
  );
}

function Intro() {
  return (
    <p className={styles.intro}>
      {text.intro} {text.whereBefore} <code>{text.keyFile}</code>
      {text.whereAfter}
    </p>
  );
}
