/** Who is in the workspace and in which role; an owner changes that, and everybody may leave. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { changeRole, endMemberSessions, leaveWorkspace, removeMember, type Member, type Role } from "../api/people";
import { queries } from "../app/services";
import { sessionQuery } from "../app/session";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { Invitations } from "./Invitations";
import { Fault, Question, SettingsPage } from "./parts";
import { membersQuery } from "./queries";

export const ROLES: readonly Role[] = ["owner", "trader", "viewer"];
type Asking = { readonly kind: "remove" | "end" | "leave"; readonly member: Member };

export function UsersPage() {
  const { t } = useWords();
  const members = useQuery(membersQuery);
  const session = useQuery(sessionQuery);
  const me = session.data?.user?.id;
  const workspace = session.data?.workspace;
  const isOwner = workspace?.role === "owner";
  const [asking, setAsking] = useState<Asking | null>(null);
  return (
    <SettingsPage title={t("people.users_title", { workspace: workspace?.name ?? "" })}>
      {!isOwner && <p className="hint">{t("people.users_not_owner")}</p>}
      <section aria-labelledby="members-title">
        <h2 id="members-title">{t("people.members")}</h2>
        {members.isError && <Failure what={t("people.members")} error={members.error} onRetry={() => void members.refetch()} />}
        {members.isPending && <Waiting rows={2} onRetry={() => void members.refetch()} />}
        {members.data?.map((each) => (
          <MemberCard key={each.user_id} member={each} isMe={each.user_id === me} isOwner={isOwner} onAsk={(kind) => setAsking({ kind, member: each })} />
        ))}
      </section>
      {isOwner && <Invitations />}
      {asking !== null && <MemberQuestion asking={asking} onClose={() => setAsking(null)} />}
    </SettingsPage>
  );
}

function MemberCard(props: { member: Member; isMe: boolean; isOwner: boolean; onAsk: (kind: Asking["kind"]) => void }) {
  const { t } = useWords();
  const { member } = props;
  const withProof = useStepUp();
  const changing = useMutation({
    mutationFn: (role: Role) => withProof(() => changeRole(member.user_id, role)),
    onSettled: () => queries.invalidateQueries({ queryKey: membersQuery.queryKey }),
    onSuccess: () => (props.isMe ? queries.invalidateQueries({ queryKey: sessionQuery.queryKey }) : undefined),
  });
  return (
    <article className="box connection" data-testid="member" data-name={member.username}>
      <header className="connection-head">
        <strong className="wrap">{member.username}</strong>
        {props.isMe && <span className="muted">{t("people.you")}</span>}
        {member.disabled && <span className="caution">{t("people.disabled")}</span>}
        <span className="spacer" />
        {props.isOwner ? (
          <select
            className="input short"
            aria-label={t("people.role_of", { name: member.username })}
            data-testid="member-role"
            value={changing.isPending ? changing.variables : member.role}
            disabled={changing.isPending}
            onChange={(event) => changing.mutate(event.target.value as Role)}
          >
            {ROLES.map((role) => (
              <option key={role} value={role}>
                {t(`people.role_${role}`)}
              </option>
            ))}
          </select>
        ) : (
          <span data-testid="member-role-text">{t(`people.role_${member.role}`)}</span>
        )}
        {props.isMe && (
          <button type="button" className="button small" data-testid="leave" onClick={() => props.onAsk("leave")}>
            {t("people.leave")}
          </button>
        )}
        {props.isOwner && !props.isMe && (
          <>
            <button type="button" className="button small" data-testid="member-end" aria-label={t("people.end_sessions_of", { name: member.username })} onClick={() => props.onAsk("end")}>
              {t("people.end_sessions")}
            </button>
            <button type="button" className="button small" data-testid="member-remove" aria-label={t("people.remove_named", { name: member.username })} onClick={() => props.onAsk("remove")}>
              {t("people.remove")}
            </button>
          </>
        )}
      </header>
      <p className="hint">{t(`people.role_${member.role}_text`)}</p>
      <Fault error={changing.error} />
    </article>
  );
}

function MemberQuestion({ asking, onClose }: { asking: Asking; onClose: () => void }) {
  const { t } = useWords();
  const { kind, member } = asking;
  const name = member.username;
  const act = async (): Promise<void> => {
    if (kind === "leave") {
      await leaveWorkspace();
      // This session has ended with the membership: the log-in opens one about another workspace.
      location.assign("/login");
      return;
    }
    await (kind === "remove" ? removeMember(member.user_id) : endMemberSessions(member.user_id));
    await queries.invalidateQueries({ queryKey: membersQuery.queryKey });
  };
  const words = {
    remove: { title: t("people.remove_title", { name }), text: t("people.remove_text"), act: t("people.remove") },
    end: { title: t("people.end_title", { name }), text: t("people.end_text"), act: t("people.end_sessions") },
    leave: { title: t("people.leave_title"), text: t("people.leave_text"), act: t("people.leave") },
  }[kind];
  return <Question {...words} keep={t("common.cancel")} onAct={act} onClose={onClose} />;
}
