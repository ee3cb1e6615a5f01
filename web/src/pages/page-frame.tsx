// What every page but the workspace has around it: the mark, the ways to the other pages, and the person's own choices.
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { PaletteButton } from "../commands/palette-button";
import { LanguageChoice } from "../components/language-choice";
import { ThemeToggle } from "../components/theme-toggle";
import { Wordmark } from "../components/wordmark";
import styles from "./page-frame.module.css";
import { SignOutButton } from "./sign-out-button";
import { useMe } from "./use-me";

export type PageName = "home" | "settings" | "machine" | "app";

interface PageFrameProps {
  page: PageName;
  title: string;
  children: ReactNode;
}

export function PageFrame({ page, title, children }: PageFrameProps) {
  const { t } = useTranslation(["home", "common"]);
  const me = useMe();
  useEffect(() => {
    document.title = page === "home" ? title : `${title} · Vitrine`;
  }, [page, title]);
  const link = (name: PageName, href: string, words: string) => (
    <Link href={href} className={styles.link} aria-current={page === name ? "page" : undefined}>
      {words}
    </Link>
  );
  return (
    <div className={styles.page} data-page={page}>
      <header className={styles.header}>
        <Link href="/" className={styles.mark} title={t("common:home")}>
          <Wordmark />
        </Link>
        <nav className={styles.links} aria-label={t("pages")}>
          {page !== "home" && link("home", "/", t("common:home"))}
          {link("settings", "/settings", t("settings"))}
          {me.data?.runs_server && link("machine", "/machine", t("machine"))}
        </nav>
        <span className={styles.choices}>
          <PaletteButton />
          <LanguageChoice />
          <ThemeToggle />
          <SignOutButton />
        </span>
      </header>
      <main className={styles.main}>{children}</main>
    </div>
  );
}

interface PageTitleProps {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}

/** The page's own heading, with a sentence below it and buttons beside it. */
export function PageTitle({ title, children, actions }: PageTitleProps) {
  return (
    <div className={styles.intro}>
      <div>
        <h1>{title}</h1>
        {children}
      </div>
      {actions}
    </div>
  );
}
