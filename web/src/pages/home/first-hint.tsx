// Three lines for somebody who has made nothing yet; gone for good once they are closed.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { keysLabel } from "../../commands/keys";
import { Button } from "../../components/button";
import { readStored, writeStored } from "../../components/stored";
import styles from "./first-hint.module.css";
import { useApps } from "./use-apps";

const SEEN = "first-hint";

export function FirstHint() {
  const { t } = useTranslation("home");
  const apps = useApps();
  const [isSeen, setSeen] = useState(() => readStored(SEEN) !== null);
  const isNew = apps.isSuccess && apps.data.pages.every((page) => page.items.length === 0);
  if (isSeen || !isNew) return null;
  const dismiss = () => {
    writeStored(SEEN, "seen");
    setSeen(true);
  };
  return (
    <section className={styles.hint} aria-label={t("hint.title")} data-testid="first-hint">
      <strong>{t("hint.title")}</strong>
      <ol>
        <li>{t("hint.create")}</li>
        <li>{t("hint.import")}</li>
        <li>{t("hint.palette", { keys: keysLabel("Mod+K") })}</li>
      </ol>
      <Button small onClick={dismiss}>
        {t("hint.dismiss")}
      </Button>
    </section>
  );
}
