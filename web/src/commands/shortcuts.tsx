// Every shortcut that works right now.
import { Dialog } from "@base-ui/react/dialog";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../components/icon";
import { showWindow } from "./center";
import { type Command, useOfferedCommands } from "./commands";
import { KeyCaps } from "./key-caps";
import palette from "./palette.module.css";
import styles from "./shortcuts.module.css";

export default function Shortcuts() {
  const { t } = useTranslation(["palette", "common"]);
  const [open, setOpen] = useState(true);
  const commands = useOfferedCommands().filter(({ keys }) => keys !== undefined);
  const sections = [...new Set(commands.map(({ section }) => section))];
  return (
    <Dialog.Root
      open={open}
      onOpenChange={setOpen}
      onOpenChangeComplete={(isOpen) => !isOpen && showWindow(undefined)}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className={palette.backdrop} />
        <Dialog.Popup className={palette.window} data-testid="shortcuts">
          <div className={styles.head}>
            <Dialog.Title className={styles.title}>{t("shortcuts.title")}</Dialog.Title>
            <Dialog.Close className={styles.close} aria-label={t("common:close")}>
              <Icon name="close" />
            </Dialog.Close>
            <Dialog.Description className={styles.lead}>{t("shortcuts.lead")}</Dialog.Description>
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <div className={styles.sections} tabIndex={0}>
            {sections.map((section) => (
              <section key={section}>
                <h3 className={styles.section}>{section}</h3>
                <dl className={styles.rows}>
                  {commands.filter((command) => command.section === section).map(rowOf)}
                </dl>
              </section>
            ))}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function rowOf({ id, title, keys = "" }: Command) {
  return (
    <div key={id}>
      <dt>{title}</dt>
      <dd>
        <KeyCaps keys={keys} />
      </dd>
    </div>
  );
}
