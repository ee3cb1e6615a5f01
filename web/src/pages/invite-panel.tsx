// Accepts an invitation, with an account that is there or a new one.

import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { acceptInvite } from "../api/calls";
import { Button } from "../components/button";
import { LanguageChoice } from "../components/language-choice";
import { ProblemNotice } from "../components/notice";
import { Wordmark } from "../components/wordmark";
import { AccountFields, NO_ACCOUNT } from "./account-fields";
import styles from "./auth-gate.module.css";

export function InvitePanel({ code }: { code: string }) {
  const { t } = useTranslation("account");
  const [account, setAccount] = useState(NO_ACCOUNT);
  const submit = useMutation({
    mutationFn: () => acceptInvite(code, account.email, account.password),
    // A fresh page, without the code in its address and with nothing of whoever was signed in before.
    onSuccess: () => location.replace("/"),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  return (
    <main className={styles.page} aria-label={t("invite.title")}>
      <form className={styles.panel} onSubmit={onSubmit} data-testid="invite">
        <Wordmark />
        <h1 className={styles.title}>{t("invite.title")}</h1>
        <p className={styles.intro}>{t("invite.lead")}</p>
        <AccountFields account={account} onChange={setAccount} isNew autoFocus />
        <Button type="submit" look="primary" disabled={submit.isPending}>
          {submit.isPending ? t("invite.submitting") : t("invite.submit")}
        </Button>
        {submit.error && <ProblemNotice error={submit.error} />}
        <LanguageChoice />
      </form>
    </main>
  );
}
