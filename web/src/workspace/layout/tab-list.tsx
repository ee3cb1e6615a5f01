// Tabs above what they show: arrows walk through them, Enter shows one.
import { type KeyboardEvent, useId } from "react";
import styles from "./layout.module.css";

interface TabListProps<Name extends string> {
  label: string;
  names: readonly Name[];
  shown: Name;
  wordsFor: (name: Name) => string;
  onShow: (name: Name) => void;
  /** What the marks for tests begin with. */
  mark: string;
}

export function TabList<Name extends string>(props: TabListProps<Name>) {
  const { label, names, shown, wordsFor, onShow, mark } = props;
  const id = useId();
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")];
    const index = tabs.indexOf(event.target as HTMLElement);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    tabs[(next + tabs.length) % tabs.length]?.focus();
  };
  return (
    <div className={styles.viewTabs} role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`${id}-${name}`}
          className={styles.viewTab}
          aria-selected={name === shown}
          tabIndex={name === shown ? 0 : -1}
          data-testid={`${mark}-${name}`}
          onClick={() => onShow(name)}
        >
          {wordsFor(name)}
        </button>
      ))}
    </div>
  );
}
