// The product's name beside its mark; a name is the same in every language.
import styles from "./wordmark.module.css";

export function Wordmark() {
  return (
    <span className={styles.wordmark}>
      <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
        <rect x="3" y="5" width="26" height="22" rx="4" fill="var(--accent)" />
        <path d="M8 22V10h7v12zm9 0v-7h7v7z" fill="var(--on-accent)" fillOpacity=".92" />
      </svg>
      Vitrine
    </span>
  );
}
