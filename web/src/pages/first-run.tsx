// Offers somebody who came by the server's own link or key to choose what to sign in with.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Me } from "../api/types";
import { Button } from "../components/button";
import { readStored, writeStored } from "../components/stored";
import styles from "./auth-gate.module.css";
import { PasswordForm } from "./password-form";

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
        <div className={styles.panel}>
          <h2 className={styles.subtitle}>{t("firstRun.title")}</h2>
          <PasswordForm onCancel={() => setOpen(false)} />
        </div>
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
