// Offers somebody who came by the server's own link or key to choose what to sign in with.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { setPassword } from "../api/calls";
import type { Me } from "../api/types";
import { Button } from "../components/button";
import { ProblemNotice } from "../components/notice";
import { readStored, writeStored } from "../components/stored";
import { AccountFields, NO_ACCOUNT } from "./account-fields";
import styles from "./auth-gate.module.css";

const LATER = "first-run-later";

export function FirstRun({ me }: { me: Me }) {
  const { t } = useTranslation("account");
  const [isOpen, setOpen] = useState(false);
  const [isLater, setLater] = useState(() => readStored(LATER) === me.user.id);
  if (me.user.has_password || me.actor.kind !== "browser" || isLater) return null;
  const later = () => {
    writeStored(LATER, me.user.id);
    setLater(true);
  };
  return (
    <section className={styles.offer} aria-label={t("firstRun.title")} data-testid="first-run">
      {isOpen ? (
        <PasswordForm onCancel={() => setOpen(false)} />
      ) : (
        <div className={styles.line}>
          <p>{t("firstRun.lead")}</p>
          <Button small onClick={() => setOpen(true)} data-testid="first-run-open">
            {t("firstRun.open")}
          </Button>
          <Button small onClick={later}>
            {t("firstRun.later")}
          </Button>
        </div>
      )}
    </section>
  );
}

function PasswordForm({ onCancel }: { onCancel: () => void }) {
  const { t } = useTranslation(["account", "common"]);
  const [account, setAccount] = useState(NO_ACCOUNT);
  const queryClient = useQueryClient();
  const submit = useMutation({
    mutationFn: () => setPassword(account.email, account.password),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["me"] }),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  return (
    <form className={styles.panel} onSubmit={onSubmit}>
      <h2 className={styles.subtitle}>{t("firstRun.title")}</h2>
      <AccountFields account={account} onChange={setAccount} isNew autoFocus />
      <div className={styles.row}>
        <Button type="submit" look="primary" disabled={submit.isPending}>
          {submit.isPending ? t("firstRun.submitting") : t("firstRun.submit")}
        </Button>
        <Button onClick={onCancel}>{t("common:cancel")}</Button>
      </div>
      {submit.error && <ProblemNotice error={submit.error} />}
    </form>
  );
}
