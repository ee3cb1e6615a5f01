// Who is invited, and inviting somebody.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { inviteMember, listInvites, withdrawInvite } from "../../api/settings-calls";
import type { Invite, Role } from "../../api/settings-types";
import type { Me } from "../../api/types";
import { Button } from "../../components/button";
import { TextField } from "../../components/field";
import { dateTimeOf, untilOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { Empty, ProblemNotice } from "../../components/notice";
import { Once } from "../../components/once";
import { RoleChoice } from "../../components/role-choice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { showToast } from "../../components/toast";
import { givable } from "../roles";

const INVITES = ["invites"];

export function Invites({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const invites = useQuery({ queryKey: INVITES, queryFn: ({ signal }) => listInvites(signal) });
  return (
    <Section title={t("members.invitesTitle")} hint={t("members.invitesHint")} testId="invites">
      <Loaded query={invites} loading={t("members.invitesLoading")}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty isQuiet title={t("members.noInvites")}>
              {t("members.noInvitesHint")}
            </Empty>
          ) : (
            <ul className={rows.rows}>
              {items.map((invite) => (
                <Row key={invite.id} invite={invite} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <InviteForm me={me} />
    </Section>
  );
}

function Row({ invite }: { invite: Invite }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const withdraw = useMutation({
    mutationFn: () => withdrawInvite(invite.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: INVITES });
      showToast({ title: t("members.withdrawn") });
    },
  });
  const { note: name, expires_at: ends } = invite;
  return (
    <li className={rows.row}>
      <span className={rows.words}>
        <span className={rows.name}>{name}</span>
        <span className={rows.facts} title={dateTimeOf(ends)}>
          {t(`roles.${invite.role}`)} · {t("members.ends", { until: untilOf(ends, Date.now()) })}
        </span>
      </span>
      <Button
        small
        aria-label={t("members.withdrawLabel", { name })}
        disabled={withdraw.isPending}
        onClick={() => withdraw.mutate()}
      >
        {t("members.withdraw")}
      </Button>
      {withdraw.error && <ProblemNotice error={withdraw.error} />}
    </li>
  );
}

function InviteForm({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const invite = useMutation({
    mutationFn: () => inviteMember(name.trim(), role),
    onSuccess: async () => {
      setName("");
      await queryClient.invalidateQueries({ queryKey: INVITES });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "" && !invite.isPending) invite.mutate();
  };
  const { data } = invite;
  return (
    <form className={rows.form} onSubmit={submit}>
      {data && (
        <Once
          key={data.id}
          words={t("members.made", { name: data.note })}
          text={data.url}
          copy={t("members.copy")}
        />
      )}
      <div className={rows.pair}>
        <TextField
          label={t("members.for")}
          hint={t("members.forHint")}
          required
          maxLength={120}
          value={name}
          onText={setName}
        />
        <RoleChoice value={role} options={givable(me)} onChoose={setRole} />
      </div>
      {invite.error && <ProblemNotice error={invite.error} />}
      <div className={rows.actions}>
        <Button small type="submit" look="primary" disabled={invite.isPending}>
          {invite.isPending ? t("members.inviting") : t("members.invite")}
        </Button>
      </div>
    </form>
  );
}
