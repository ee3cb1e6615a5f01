// Start something new, or open what is there.
import { useEffect } from "react";
import { Link } from "wouter";
import { ThemeToggle } from "../components/theme-toggle";
import { Wordmark } from "../components/wordmark";
import { strings } from "../strings";
import styles from "./home-page.module.css";
import { ImportDrop } from "./import-drop";
import { NewApp } from "./new-app";
import { RecentApps } from "./recent-apps";
import { SignOutButton } from "./sign-out-button";
import { useMe } from "./use-me";

export function HomePage() {
  const me = useMe();
  useEffect(() => {
    document.title = strings.product;
  }, []);
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <Wordmark />
        <span className={styles.actions}>
          {me.data?.runs_server && (
            <Link href="/machine" className={styles.link}>
              {strings.machine.link}
            </Link>
          )}
          <ThemeToggle />
          <SignOutButton />
        </span>
      </header>
      <main className={styles.main}>
        <div className={styles.intro}>
          <h1>{strings.home.title}</h1>
          <p>{strings.home.lead}</p>
        </div>
        <div className={styles.columns}>
          <NewApp />
          <aside className={styles.aside}>
            <RecentApps />
            <ImportDrop />
          </aside>
        </div>
      </main>
    </div>
  );
}
