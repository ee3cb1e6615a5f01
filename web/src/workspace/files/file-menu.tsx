// What can be done with one file or folder, at the pointer or beside its row.
import { Menu } from "@base-ui/react/menu";
import { useTranslation } from "react-i18next";
import { fileUrl } from "../../api/calls";
import styles from "./file-menu.module.css";
import type { Row } from "./tree-model";

/** Which row, and where: an element, or a point of the screen. */
export interface MenuPlace {
  row: Row;
  anchor: Element | { x: number; y: number };
}

export interface FileMenuActions {
  open: (path: string) => void;
  create: (folder: string) => void;
  rename: (path: string) => void;
  duplicate: (path: string) => void;
  remove: (path: string) => void;
}

interface FileMenuProps {
  app: string;
  place: MenuPlace;
  onClose: () => void;
  /** Gives the focus back to the row, unless what was chosen asks something in its place. */
  onReturn: (path: string) => void;
  actions: FileMenuActions;
}

export default function FileMenu({ app, place, onClose, onReturn, actions }: FileMenuProps) {
  const { t } = useTranslation("files");
  const { path, expanded } = place.row;
  const isFolder = expanded !== undefined;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const returning = (act: (path: string) => void) => () => {
    act(path);
    onReturn(path);
  };
  return (
    <Menu.Root open onOpenChange={(open) => open || onClose()} modal={false}>
      <Menu.Portal>
        <Menu.Positioner
          className={styles.positioner}
          anchor={anchorOf(place)}
          side={place.anchor instanceof Element ? "bottom" : "inline-end"}
          align="start"
        >
          <Menu.Popup
            className={styles.popup}
            aria-label={t("actions", { path })}
            data-testid="file-menu"
            finalFocus={false}
            onKeyDown={(event) => event.key === "Escape" && onReturn(path)}
          >
            {isFolder ? (
              <Menu.Item className={styles.item} onClick={() => actions.create(path)}>
                {t("newFile")}
              </Menu.Item>
            ) : (
              <Menu.Item className={styles.item} onClick={() => actions.open(path)}>
                {t("open")}
              </Menu.Item>
            )}
            <Menu.Item className={styles.item} onClick={() => actions.rename(path)}>
              {t("rename")}
              <kbd>F2</kbd>
            </Menu.Item>
            {!isFolder && (
              <Menu.Item className={styles.item} onClick={returning(actions.duplicate)}>
                {t("duplicate")}
              </Menu.Item>
            )}
            <Menu.Item
              className={styles.item}
              onClick={returning(() => void navigator.clipboard?.writeText(path).catch(() => undefined))}
            >
              {t("copyPath")}
            </Menu.Item>
            {!isFolder && (
              <Menu.Item className={styles.item} render={<a href={fileUrl(app, path)} download={name} />}>
                {t("download")}
              </Menu.Item>
            )}
            <Menu.Separator className={styles.separator} />
            <Menu.Item className={styles.item} data-look="danger" onClick={() => actions.remove(path)}>
              {t("delete")}
              <kbd>Del</kbd>
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

function anchorOf({ anchor }: MenuPlace) {
  if (anchor instanceof Element) return anchor;
  const { x, y } = anchor;
  return { getBoundingClientRect: () => new DOMRect(x, y, 0, 0) };
}
