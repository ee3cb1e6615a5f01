// How the site is served: the same form that stands beside the publishes.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Section } from "../../components/section";
import type { SettingsEdit } from "../site/settings";
import { SettingsTab } from "../site/settings-tab";
import type { SettingsPartProps } from "./settings-panel";

export default function Hosting({ app }: SettingsPartProps) {
  const { t } = useTranslation("settings");
  const [edit, setEdit] = useState<SettingsEdit>();
  return (
    <Section title={t("tabs.hosting")}>
      <SettingsTab app={app.id} edit={edit} onEdit={setEdit} isInline />
    </Section>
  );
}
