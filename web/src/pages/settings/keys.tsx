// API keys: which there are, making one, revoking one.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { listApps } from "../../api/calls";
import { createKey, listKeys, revokeKey } from "../../api/settings-calls";
import type { ApiKey, NewKey, Role } from "../../api/settings-types";
import type { Me } from "../../api/types";
import { Ask } from "../../components/ask";
import { Button } from "../../components/button";
import { type Expiry, ExpiryChoice, secondsOf } from "../../components/expiry-choice";
import { ChoiceField, TextField } from "../../components/field";
import { agoOf, untilOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty, ProblemNotice } from "../../components/notice";
import { Once } from "../../components/once";
import { RoleChoice } from "../../components/role-choice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { showToast } from "../../components/toast";
import { givable, isAtLeast } from "../roles";

const KEYS = ["keys"];
const EXPIRIES: readonly Expiry[] = ["day", "month", "year", "never"];
const ALL_APPS = "";

export default function Keys({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const keys = useQuery({ queryKey: KEYS, queryFn: ({ signal }) => listKeys(signal) });
  return (
    <Section title={t("keys.title")} hint={t("keys.hint")} testId="keys">
      <Loaded query={keys} loading={t("keys.loading")}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty isQuiet title={t("keys.none")}>
              {t("keys.noneHint")}
            </Empty>
          ) : (
            <ul className={rows.rows}>
              {items.map((key) => (
                <Row key={key.id} apiKey={key} me={me} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <KeyForm me={me} />
    </Section>
  );
}

function Row({ apiKey, me }: { apiKey: ApiKey; me: Me }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const { name, prefix, role } = apiKey;
  const revoke = useMutation({
    mutationFn: () => revokeKey(apiKey.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: KEYS });
      showToast({ title: t("keys.revokedDone", { name }) });
    },
  });
  const mayRevoke = apiKey.revoked_at === undefined && isAtLeast(me.role, role);
  return (
    <li className={rows.row} data-testid={`key-${apiKey.id}`}>
      <span className={rows.words}>
        <span className={rows.name}>{name}</span> <code>{prefix}…</code>
        <KeyFacts apiKey={apiKey} />
      </span>
      {mayRevoke && (
        <Ask
          words={t("keys.revoke")}
          label={t("keys.revokeLabel", { name })}
          question={t("keys.confirmRevoke", { name })}
          isPending={revoke.isPending}
          error={revoke.error}
          onYes={() => revoke.mutate()}
        />
      )}
    </li>
  );
}

function KeyFacts({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation("settings");
  const { role, apps, last_used_at: used, expires_at: end, revoked_at: revoked } = apiKey;
  const now = Date.now();
  const ends = () => {
    if (revoked !== undefined) return t("keys.revoked");
    if (end === undefined) return undefined;
    return Date.parse(end) <= now
      ? t("keys.ended", { ago: agoOf(end, now) })
      : t("keys.ends", { until: untilOf(end, now) });
  };
  const facts = [
    t(`roles.${role}`),
    apps && t("keys.appCount", { count: apps.length }),
    used === undefined ? t("keys.neverUsed") : t("keys.lastUsed", { ago: agoOf(used, now) }),
    ends(),
  ];
  return <span className={rows.facts}>{facts.filter(Boolean).join(" · ")}</span>;
}

function KeyForm({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const apps = useQuery({
    queryKey: ["palette-apps"],
    queryFn: ({ signal }) => listApps(undefined, signal),
  });
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const [expiry, setExpiry] = useState<Expiry>("month");
  const [app, setApp] = useState(ALL_APPS);
  const make = useMutation({
    mutationFn: (key: NewKey) => createKey(key),
    onSuccess: async () => {
      setName("");
      await queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (make.isPending) return;
    const seconds = secondsOf(expiry);
    make.mutate({
      name: name.trim(),
      role,
      ...(seconds !== undefined && { expires_in_secs: seconds }),
      ...(app !== ALL_APPS && { apps: [app] }),
    });
  };
  const choices = (apps.data?.items ?? []).map(({ id, name: label }) => ({ value: id, label }));
  return (
    <form className={rows.form} onSubmit={submit}>
      {make.data && (
        <Once key={make.data.id} words={t("keys.made")} text={make.data.secret} copy={t("keys.copy")} />
      )}
      <div className={rows.pair}>
        <TextField
          label={t("keys.name")}
          hint={t("keys.nameHint")}
          required
          maxLength={120}
          value={name}
          onText={setName}
        />
        <RoleChoice value={role} options={givable(me)} onChoose={setRole} />
        <ChoiceField
          label={t("keys.app")}
          value={app}
          options={[{ value: ALL_APPS, label: t("keys.allApps") }, ...choices]}
          onChoose={setApp}
        />
        <ExpiryChoice value={expiry} options={EXPIRIES} onChoose={setExpiry} />
      </div>
      {make.error && <ProblemNotice error={make.error} />}
      <div className={rows.actions}>
        <Button small type="submit" look="primary" disabled={make.isPending}>
          {make.isPending ? t("keys.making") : t("keys.make")}
        </Button>
      </div>
    </form>
  );
}
