// The settings of one app as a page of their own: to be linked to, and for small screens.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { getApp } from "../api/calls";
import { Loaded } from "../components/loaded";
import { SettingsPanel } from "../workspace/settings/settings-panel";
import { PageFrame, PageTitle } from "./page-frame";

interface AppSettingsPageProps {
  appId: string;
  tab: string;
}

export default function AppSettingsPage({ appId, tab }: AppSettingsPageProps) {
  const { t } = useTranslation(["settings", "common"]);
  const [, navigate] = useLocation();
  const app = useQuery({ queryKey: ["app", appId], queryFn: ({ signal }) => getApp(appId, signal) });
  const path = `/apps/${encodeURIComponent(appId)}`;
  const name = app.data?.name ?? "";
  return (
    <PageFrame page="app" title={`${t("title")} · ${name}`}>
      <PageTitle title={t("title")}>
        <p>
          <Link href={path}>{name}</Link>
        </p>
      </PageTitle>
      <Loaded query={app} loading={t("common:app.loading")}>
        {(found) => (
          <SettingsPanel
            isPage
            app={found}
            tab={tab}
            onTab={(next) => navigate(`${path}/settings/${next}`)}
          />
        )}
      </Loaded>
    </PageFrame>
  );
}
