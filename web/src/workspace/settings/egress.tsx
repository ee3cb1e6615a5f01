// Which servers outside the preview of an app may reach.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { getEgress, setEgress } from "../../api/settings-calls";
import type { EgressView } from "../../api/settings-types";
import { Button } from "../../components/button";
import card from "../../components/card.module.css";
import { AreaField } from "../../components/field";
import { countOf, sizeOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { isAtLeast } from "../../pages/roles";
import { useMe } from "../../pages/use-me";
import type { SettingsPartProps } from "./settings-panel";

const EXAMPLE = "api.example.com:443";

export default function Egress({ app }: SettingsPartProps) {
  const { t } = useTranslation("settings");
  const egress = useQuery({
    queryKey: ["egress", app.id],
    queryFn: ({ signal }) => getEgress(app.id, signal),
  });
  return (
    <Section title={t("egress.title")} hint={t("egress.hint")} testId="egress">
      <Loaded query={egress} loading={t("egress.loading")}>
        {(view) => (
          <>
            {view.mode === "off" ? <p>{t("egress.off")}</p> : <ListForm app={app.id} view={view} />}
            <Today view={view} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

function ListForm({ app, view }: { app: string; view: EgressView }) {
  const { t } = useTranslation(["settings", "common"]);
  const queryClient = useQueryClient();
  const mayChange = isAtLeast(useMe().data?.role, "admin");
  // Undefined while nothing was typed.
  const [typed, setTyped] = useState<string>();
  const save = useMutation({
    mutationFn: (destinations: string[]) => setEgress(app, destinations),
    onSuccess: (saved) => {
      queryClient.setQueryData(["egress", app], saved);
      setTyped(undefined);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed !== undefined && !save.isPending) save.mutate(typed.split(/[\s,]+/).filter(Boolean));
  };
  const isFirst = view.destinations.length === 0;
  return (
    <form className={rows.form} onSubmit={submit}>
      <AreaField
        label={t("egress.label")}
        hint={isFirst ? t("egress.first") : undefined}
        placeholder={EXAMPLE}
        readOnly={!mayChange}
        value={typed ?? view.destinations.join("\n")}
        onText={setTyped}
      />
      {save.error && <ProblemNotice error={save.error} />}
      {mayChange ? (
        <div className={rows.actions}>
          <Button
            small
            type="submit"
            look={typed === undefined ? "plain" : "primary"}
            aria-disabled={typed === undefined}
          >
            {save.isPending ? t("common:saving") : t("common:save")}
          </Button>
          {typed !== undefined && !save.isPending && (
            <Button small onClick={() => setTyped(undefined)}>
              {t("common:discard")}
            </Button>
          )}
          <span role="status" className={card.quiet}>
            {save.isSuccess && typed === undefined && t("common:saved")}
          </span>
        </div>
      ) : (
        <p className={card.quiet}>{t("adminsOnly")}</p>
      )}
    </form>
  );
}

function Today({ view: { today } }: { view: EgressView }) {
  const { t } = useTranslation("settings");
  const facts = [
    `${countOf(today.allowed)} ${t("egress.allowed")}`,
    `${countOf(today.refused)} ${t("egress.refused")}`,
    `${countOf(today.failed)} ${t("egress.failed")}`,
    `${sizeOf(today.bytes_out)} ${t("egress.out")}`,
    `${sizeOf(today.bytes_in)} ${t("egress.in")}`,
  ];
  return (
    <p className={card.quiet}>
      {t("egress.todayTitle")}: {facts.join(" · ")}
    </p>
  );
}
