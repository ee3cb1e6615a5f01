// One checkpoint on the line: when, how much, and what can be done with it.
import { Menu } from "@base-ui/react/menu";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Checkpoint } from "../../api/revision-calls";
import { Button } from "../../components/button";
import { shortAgoOf, sizeOf } from "../../components/format";
import { Icon } from "../../components/icon";
import type { Comparison } from "../changes/comparison";
import menuStyles from "../files/file-menu.module.css";
import { nameOf } from "./names";
import styles from "./timeline.module.css";
import type { Travel } from "./use-travel";

interface CheckpointItemProps {
  checkpoint: Checkpoint;
  /** The one before it in time. */
  before: Checkpoint | undefined;
  now: number;
  isLive: boolean;
  isShown: boolean;
  travel: Travel;
  isPublishing: boolean;
  onChoose: (checkpoint: Checkpoint) => void;
  onCompare: (comparison: Comparison) => void;
  onPick: (checkpoint: Checkpoint) => void;
  onPublish: (revision: string) => void;
}

export function CheckpointItem(props: CheckpointItemProps) {
  const { t } = useTranslation(["changes", "common"]);
  const { checkpoint, now, isLive, isShown, travel, onChoose } = props;
  const [asking, setAsking] = useState(false);
  const { id, created_at, file_count, size_bytes } = checkpoint;
  const name = nameOf(checkpoint);
  const restoring = travel.going?.kind === "restore" && travel.going.revision === id;
  const restore = () => {
    setAsking(false);
    travel.go({ kind: "restore", revision: id, name });
  };
  return (
    <li className={styles.item} data-shown={isShown} data-testid={`checkpoint-${id}`}>
      <span className={styles.dot} />
      <button
        type="button"
        className={styles.checkpoint}
        aria-current={isShown}
        title={t("since")}
        onClick={() => onChoose(checkpoint)}
      >
        <span className={styles.name}>
          {name}
          {isLive && <span className={styles.live}>{t("live")}</span>}
        </span>
        <span className={styles.facts}>
          <time dateTime={created_at} title={new Date(created_at).toLocaleString()}>
            {shortAgoOf(created_at, now)}
          </time>
          {" · "}
          {t("facts", { files: t("files", { count: file_count }), size: sizeOf(size_bytes) })}
        </span>
      </button>
      <ItemMenu {...props} name={name} onRestore={() => setAsking(true)} />
      {(asking || restoring) && (
        // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from either button
        <div className={styles.question} onKeyDown={(event) => event.key === "Escape" && setAsking(false)}>
          <p>{t("restoreQuestion", { name })}</p>
          <Button
            small
            look="primary"
            autoFocus
            disabled={travel.going !== undefined}
            onClick={restore}
            data-testid="restore-yes"
          >
            {restoring ? t("restoring") : t("restoreYes")}
          </Button>
          <Button small onClick={() => setAsking(false)}>
            {t("common:cancel")}
          </Button>
        </div>
      )}
    </li>
  );
}

interface ItemMenuProps extends CheckpointItemProps {
  name: string;
  onRestore: () => void;
}

function ItemMenu({
  name,
  checkpoint,
  before,
  isPublishing,
  onRestore,
  onCompare,
  onPick,
  onPublish,
}: ItemMenuProps) {
  const { t } = useTranslation("changes");
  const { id } = checkpoint;
  return (
    <Menu.Root modal={false}>
      <Menu.Trigger
        className={styles.more}
        aria-label={t("actions", { name })}
        title={t("actions", { name })}
      >
        <Icon name="more" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className={menuStyles.positioner} align="end" sideOffset={4}>
          <Menu.Popup className={menuStyles.popup}>
            <Menu.Item className={menuStyles.item} onClick={() => onCompare({ from: id, to: undefined })}>
              {t("since")}
            </Menu.Item>
            {before && (
              <Menu.Item className={menuStyles.item} onClick={() => onCompare({ from: before.id, to: id })}>
                {t("inIt")}
              </Menu.Item>
            )}
            <Menu.Item className={menuStyles.item} onClick={() => onPick(checkpoint)}>
              {t("compareFrom")}
            </Menu.Item>
            <Menu.Separator className={menuStyles.separator} />
            <Menu.Item className={menuStyles.item} onClick={onRestore} data-testid="restore">
              {t("restore")}
            </Menu.Item>
            <Menu.Item className={menuStyles.item} disabled={isPublishing} onClick={() => onPublish(id)}>
              {isPublishing ? t("publishing") : t("publish")}
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
