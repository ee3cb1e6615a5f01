// Shows the messages in a corner; F6 goes to them.
import { Toast } from "@base-ui/react/toast";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import buttonStyles from "./button.module.css";
import { Icon } from "./icon";
import { takeToasts } from "./toast";
import styles from "./toasts.module.css";

export default function Toasts() {
  const { t } = useTranslation("common");
  return (
    <Toast.Provider>
      <Toast.Portal>
        <Toast.Viewport className={styles.viewport} aria-label={t("notices")}>
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function List() {
  const { t } = useTranslation("common");
  const { toasts, add, close } = Toast.useToastManager();
  useEffect(
    () =>
      takeToasts(({ title, description, tone = "plain", action, timeoutMs = 0, onGone }) => {
        let acted = false;
        const id = add({
          title,
          description,
          type: tone,
          timeout: timeoutMs,
          priority: tone === "bad" ? "high" : "low",
          ...(onGone && { onClose: () => acted || onGone() }),
          ...(action && {
            actionProps: {
              children: action.label,
              onClick: () => {
                acted = true;
                close(id);
                action.run();
              },
            },
          }),
        });
      }),
    [add, close],
  );
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast} data-tone={toast.type}>
      <Toast.Content className={styles.content}>
        <div className={styles.words}>
          <Toast.Title className={styles.title} />
          <Toast.Description className={styles.description} />
        </div>
        <Toast.Action className={`${buttonStyles.button} ${buttonStyles.small}`} />
        {/* Base UI hides it from those who listen until somebody is there, but lets the keyboard reach it. */}
        <Toast.Close className={styles.close} aria-label={t("dismiss")} aria-hidden={false}>
          <Icon name="close" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
