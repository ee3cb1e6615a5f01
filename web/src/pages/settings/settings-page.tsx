// What is not one app's: the person, who works with them, their keys, and what the tenant has and may have.
import { type ComponentType, lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import type { Me } from "../../api/types";
import { useCommands } from "../../commands/commands";
import card from "../../components/card.module.css";
import { CrashGuard } from "../../components/crash-guard";
import { loadArea } from "../../i18n/i18n";
import { PageFrame, PageTitle } from "../page-frame";
import { isAtLeast } from "../roles";
import { useMe } from "../use-me";
import styles from "./settings-page.module.css";

// Whoever imports the page waits for its words.
await loadArea("settings");

const TABS = ["profile", "members", "keys", "usage"] as const;
type Tab = (typeof TABS)[number];

const PARTS: Record<Tab, ComponentType<{ me: Me }>> = {
  profile: lazy(() => import("./profile")),
  members: lazy(() => import("./members")),
  keys: lazy(() => import("./keys")),
  usage: lazy(() => import("./usage")),
};

export default function SettingsPage({ tab }: { tab: string }) {
  const { t } = useTranslation(["settings", "common"]);
  const [, navigate] = useLocation();
  const me = useMe().data;
  // Keys are listed for admins alone.
  const tabs = TABS.filter((name) => name !== "keys" || isAtLeast(me?.role, "admin"));
  const shown = tabs.find((name) => name === tab) ?? "profile";
  const Part = PARTS[shown];
  useCommands(
    tabs.map((name) => ({
      id: `settings.${name}`,
      title: t(`tabs.${name}`),
      section: t("title"),
      run: () => navigate(`/settings/${name}`),
    })),
  );
  return (
    <PageFrame page="settings" title={t("title")}>
      <PageTitle title={t("title")}>
        <p>{t("lead", { tenant: me?.tenant.name })}</p>
      </PageTitle>
      <div className={styles.columns}>
        <nav className={styles.nav} aria-label={t("nav")}>
          {tabs.map((name) => (
            <Link
              key={name}
              href={`/settings/${name}`}
              aria-current={name === shown ? "page" : undefined}
              data-testid={`settings-tab-${name}`}
            >
              {t(`tabs.${name}`)}
            </Link>
          ))}
        </nav>
        <div className={styles.part}>
          <CrashGuard key={shown} isPart>
            <Suspense
              fallback={
                <p className={card.quiet} role="status">
                  {t("common:loading")}
                </p>
              }
            >
              {me && <Part me={me} />}
            </Suspense>
          </CrashGuard>
        </div>
      </div>
    </PageFrame>
  );
}
