// An email and a password for somebody who has none.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { setPassword } from "../api/calls";
import { Button } from "../components/button";
import { ProblemNotice } from "../components/notice";
import { AccountFields, NO_ACCOUNT } from "./account-fields";
import styles from "./auth-gate.module.css";
import { ME } from "./use-me";

interface PasswordFormProps {
  /** Absent where the form stands by itself. */
  onCancel?: () => void;
}

export function PasswordForm({ onCancel }: PasswordFormProps) {
  const { t } = useTranslation(["account", "common"]);
  const [account, setAccount] = useState(NO_ACCOUNT);
  const queryClient = useQueryClient();
  const submit = useMutation({
    mutationFn: () => setPassword(account.email, account.password),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ME }),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit.mutate();
  };
  return (
    <form className={styles.panel} onSubmit={onSubmit}>
      <AccountFields account={account} onChange={setAccount} isNew autoFocus={onCancel !== undefined} />
      <div className={styles.row}>
        <Button type="submit" look="primary" disabled={submit.isPending}>
          {submit.isPending ? t("firstRun.submitting") : t("firstRun.submit")}
        </Button>
        {onCancel && <Button onClick={onCancel}>{t("common:cancel")}</Button>}
      </div>
      {submit.error && <ProblemNotice error={submit.error} />}
    </form>
  );
}
