// Who belongs to the tenant, what they may do, and who is invited.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { listMembers, removeMember, updateMember } from "../../api/settings-calls";
import type { Member, Role } from "../../api/settings-types";
import type { Me } from "../../api/types";
import { Ask } from "../../components/ask";
import fields from "../../components/field.module.css";
import { dateOf, dateTimeOf } from "../../components/format";
import { Loaded } from "../../components/loaded";
import { ProblemNotice } from "../../components/notice";
import rows from "../../components/rows.module.css";
import { Section } from "../../components/section";
import { showToast } from "../../components/toast";
import { givable, isAtLeast } from "../roles";
import { Invites } from "./invites";

const MEMBERS = ["members"];

export default function Members({ me }: { me: Me }) {
  const { t } = useTranslation("settings");
  const members = useQuery({ queryKey: MEMBERS, queryFn: ({ signal }) => listMembers(signal) });
  return (
    <>
      <Section title={t("members.title")} testId="members">
        <Loaded query={members} loading={t("members.loading")}>
          {({ items }) => (
            <ul className={rows.rows}>
              {items.map((member) => (
                <Row key={member.user_id} member={member} me={me} />
              ))}
            </ul>
          )}
        </Loaded>
      </Section>
      {isAtLeast(me.role, "admin") && <Invites me={me} />}
    </>
  );
}

function Row({ member, me }: { member: Member; me: Me }) {
  const { t } = useTranslation("settings");
  const queryClient = useQueryClient();
  const { name, role, email, joined_at: joined } = member;
  const isMe = member.user_id === me.user.id;
  // Nobody changes or removes somebody above them.
  const mayChange = isAtLeast(me.role, "admin") && isAtLeast(me.role, role);
  const readAnew = () => queryClient.invalidateQueries({ queryKey: MEMBERS });
  const change = useMutation({
    mutationFn: (next: Role) => updateMember(member.user_id, next),
    onSettled: readAnew,
  });
  const remove = useMutation({
    mutationFn: () => removeMember(member.user_id),
    onSuccess: async () => {
      await readAnew();
      showToast({ title: t("members.removed", { name }) });
    },
  });
  return (
    <li className={rows.row} data-testid={`member-${member.user_id}`}>
      <span className={rows.words}>
        <span className={rows.name}>{name}</span> {isMe && `(${t("members.you")})`}
        <span className={rows.facts} title={dateTimeOf(joined)}>
          {[email, t("members.joined", { date: dateOf(joined) })].filter(Boolean).join(" · ")}
        </span>
      </span>
      {mayChange ? (
        <>
          <select
            className={fields.quietSelect}
            aria-label={t("members.roleOf", { name })}
            value={change.isPending ? change.variables : role}
            onChange={(event) => change.mutate(event.target.value as Role)}
          >
            {givable(me).map((option) => (
              <option key={option} value={option}>
                {t(`roles.${option}`)}
              </option>
            ))}
          </select>
          {!isMe && (
            <Ask
              words={t("members.remove")}
              label={t("members.removeLabel", { name })}
              question={t("members.confirmRemove", { name })}
              isPending={remove.isPending}
              error={remove.error}
              onYes={() => remove.mutate()}
            />
          )}
        </>
      ) : (
        <span className={rows.facts}>{t(`roles.${role}`)}</span>
      )}
      {change.error && <ProblemNotice error={change.error} />}
    </li>
  );
}
