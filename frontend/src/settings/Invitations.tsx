/**
 * Invitations of a workspace, for its owner: the form that makes a one-time link, the one look at it, and revoking.
 *
 * The link is in this component's memory from its making until it is put away, and nowhere else in the page.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type FormEvent } from "react";
import { invite, revokeInvitation, type MadeInvitation, type Role } from "../api/people";
import { queries } from "../app/services";
import { useStepUp } from "../auth/stepUp";
import { useWords } from "../i18n/useWords";
import { Failure } from "../ui/Failure";
import { Fault, moment } from "./parts";
import { invitationsQuery } from "./queries";

const DAYS = [1, 7, 30] as const;
const ROLES: readonly Role[] = ["trader", "viewer", "owner"];

export function Invitations() {
  const { t, language } = useWords();
  const found = useQuery(invitationsQuery);
  const [made, setMade] = useState<MadeInvitation | null>(null);
  const revoking = useMutation({
    mutationFn: revokeInvitation,
    onSettled: () => queries.invalidateQueries({ queryKey: invitationsQuery.queryKey }),
  });
  return (
    <section aria-labelledby="invitations-title" className="stack">
      <h2 id="invitations-title">{t("people.invitations")}</h2>
      {made === null ? <NewInvitation onMade={setMade} /> : <OneLook made={made} onDone={() => setMade(null)} />}
      {found.isError && <Failure what={t("people.invitations")} error={found.error} onRetry={() => void found.refetch()} />}
      {found.data?.length === 0 && <p className="muted">{t("people.invitations_empty")}</p>}
      {found.data?.map((each) => (
        <article key={each.id} className="box connection" data-testid="invitation">
          <header className="connection-head">
            <strong className="wrap">{each.note === "" ? t("people.invitation_unnamed") : each.note}</strong>
            <span>{t(`people.role_${each.role}`)}</span>
            <span className="spacer" />
            <button type="button" className="button small" data-testid="invitation-revoke" disabled={revoking.isPending} onClick={() => revoking.mutate(each.id)}>
              {t("people.revoke")}
            </button>
          </header>
          <p className="hint">{t("people.invited_by", { name: each.invited_by, until: moment(each.expires_ms, language) })}</p>
        </article>
      ))}
      <Fault error={revoking.error} />
    </section>
  );
}

function NewInvitation({ onMade }: { onMade: (made: MadeInvitation) => void }) {
  const { t } = useWords();
  const id = useId();
  const withProof = useStepUp();
  const [role, setRole] = useState<Role>("trader");
  const [days, setDays] = useState<number>(7);
  const [note, setNote] = useState("");
  const making = useMutation({
    mutationFn: () => withProof(() => invite({ role, note: note.trim(), days })),
    onSuccess: async (made) => {
      onMade(made);
      await queries.invalidateQueries({ queryKey: invitationsQuery.queryKey });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!making.isPending) making.mutate();
  };
  return (
    <form className="box connection-form" noValidate autoComplete="off" data-testid="invite-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-role`}>{t("people.role")}</label>
        <select id={`${id}-role`} className="input" value={role} data-testid="invite-role" aria-describedby={`${id}-role-text`} onChange={(event) => setRole(event.target.value as Role)}>
          {ROLES.map((each) => (
            <option key={each} value={each}>
              {t(`people.role_${each}`)}
            </option>
          ))}
        </select>
        <span id={`${id}-role-text`} className="hint">
          {t(`people.role_${role}_text`)}
        </span>
      </div>
      <div className="field">
        <label htmlFor={`${id}-note`}>{t("people.invite_note")}</label>
        <input id={`${id}-note`} className="input" maxLength={64} value={note} data-testid="invite-note" onChange={(event) => setNote(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-days`}>{t("people.invite_days")}</label>
        <select id={`${id}-days`} className="input" value={days} data-testid="invite-days" onChange={(event) => setDays(Number(event.target.value))}>
          {DAYS.map((each) => (
            <option key={each} value={each}>
              {t("people.days", { count: each })}
            </option>
          ))}
        </select>
      </div>
      <Fault error={making.error} />
      <div className="row">
        <button type="submit" className="button primary" data-testid="invite-submit" disabled={making.isPending}>
          {t("people.invite")}
        </button>
      </div>
    </form>
  );
}

/** Shown once, because only its hash is kept. */
function OneLook({ made, onDone }: { made: MadeInvitation; onDone: () => void }) {
  const { t, language } = useWords();
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const link = `${location.origin}/invite#${made.token}`;
  useEffect(() => field.current?.select(), []);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link);
      setCopied(true);
    } catch {
      field.current?.select(); // no right to the clipboard: it is marked, to be copied by hand
    }
  };
  return (
    <div className="box connection-form" role="status" data-testid="invitation-made">
      <h3>{t("people.invitation_made")}</h3>
      <p>{t("people.invitation_made_text", { until: moment(made.invitation.expires_ms, language) })}</p>
      <input ref={field} className="input code" readOnly value={link} aria-label={t("people.invitation_link")} data-testid="invitation-link" onFocus={(event) => event.target.select()} />
      <div className="row">
        <button type="button" className="button primary" onClick={() => void copy()}>
          {copied ? t("people.copied") : t("people.copy")}
        </button>
        <button type="button" className="button" data-testid="invitation-done" onClick={onDone}>
          {t("people.done")}
        </button>
      </div>
    </div>
  );
}
