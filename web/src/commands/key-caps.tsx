// A shortcut, key by key.

import styles from "./key-caps.module.css";
import { keyNames } from "./keys";

export function KeyCaps({ keys }: { keys: string }) {
  return (
    <kbd className={styles.keys}>
      {keyNames(keys).map((name) => (
        <kbd key={name}>{name}</kbd>
      ))}
    </kbd>
  );
}
