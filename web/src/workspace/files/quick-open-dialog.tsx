// Opens a file by a part of its name, and a line in it: `header:12`.
import { Dialog } from "@base-ui/react/dialog";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Place } from "../site/publish-view";
import { type Found, findFiles, partsOf } from "./quick-open";
import styles from "./quick-open.module.css";

interface QuickOpenDialogProps {
  /** What had the focus, and gets it back. */
  before: HTMLElement | undefined;
  onClose: () => void;
  paths: readonly string[];
  /** What was looked at last comes first. */
  recent: readonly string[];
  /** The file that a line without a name means. */
  active: string;
  onOpen: (place: Place) => void;
}

export default function QuickOpenDialog(props: QuickOpenDialogProps) {
  const { onClose } = props;
  const { t } = useTranslation("files");
  // Where the focus goes is the opened file's business when one was chosen.
  const before = useRef<HTMLElement | undefined>(props.before);
  return (
    <Dialog.Root open onOpenChange={(next) => next || onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={styles.backdrop} />
        <Dialog.Popup
          className={styles.popup}
          aria-label={t("quickOpen")}
          data-testid="quick-open"
          finalFocus={() => before.current ?? false}
        >
          <Content
            {...props}
            onOpen={(place) => {
              before.current = undefined;
              onClose();
              props.onOpen(place);
            }}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Content({ paths, recent, active, onOpen }: QuickOpenDialogProps) {
  const { t } = useTranslation("files");
  const listId = useId();
  const list = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState("");
  const [index, setIndex] = useState(0);
  const { name, ...position } = partsOf(typed);
  const found = useMemo(() => {
    if (name === "" && typed.includes(":")) return active === "" ? [] : [{ path: active, at: [] }];
    return findFiles(paths, name, recent);
  }, [paths, recent, name, typed, active]);
  const current = Math.min(index, found.length - 1);
  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const choose = (item: Found | undefined) => item && onOpen({ path: item.path, ...position });
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setIndex((current + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") choose(found[current]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        className={styles.input}
        role="combobox"
        aria-label={t("quickOpen")}
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={found.length > 0 ? `${listId}-${current}` : undefined}
        aria-autocomplete="list"
        placeholder={t("quickOpenPlaceholder")}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={typed}
        data-testid="quick-open-input"
        onChange={(event) => {
          setTyped(event.target.value);
          setIndex(0);
        }}
        onKeyDown={onKeyDown}
      />
      {found.length === 0 && <p className={styles.none}>{t("quickOpenNone")}</p>}
      <div ref={list} id={listId} role="listbox" aria-label={t("quickOpenList")} className={styles.list}>
        {found.map((item, position) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above
          <div
            key={item.path}
            id={`${listId}-${position}`}
            role="option"
            aria-selected={position === current}
            tabIndex={-1}
            className={styles.item}
            onClick={() => choose(item)}
          >
            <Name found={item} />
          </div>
        ))}
      </div>
    </>
  );
}

/** The path with the letters that were found, the file's own name first. */
function Name({ found: { path, at } }: { found: Found }) {
  const letters = new Set(at);
  const start = path.lastIndexOf("/") + 1;
  const marked = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => from + index).map((index) =>
      letters.has(index) ? <b key={index}>{path[index]}</b> : path[index],
    );
  return (
    <>
      <span className={styles.name}>{marked(start, path.length)}</span>
      <span className={styles.folder}>{marked(0, Math.max(0, start - 1))}</span>
    </>
  );
}
