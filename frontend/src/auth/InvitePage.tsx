/**
 * An invitation: says what it offers, and brings in a new person, or one who is signed in.
 *
 * The token is taken out of the address at once and is in memory alone; so it is still there after a log-in in between.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useState, type FormEvent } from "react";
import { acceptInvitation, joinAsNew, readOffer } from "../api/people";
import { Refused } from "../api/errors";
import { invitation } from "../app/services";
import { sessionQuery, signedIn } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { moment } from "../settings/parts";
import { useSignal } from "../stream/hooks";
import { AuthFrame } from "./AuthFrame";
import { PasswordField } from "./PasswordField";
import { strengthOf } from "./strength";
import { takeToken } from "./token";

export function InvitePage() {
  const { t, language } = useWords();
  const token = useSignal(invitation);
  const session = useQuery(sessionQuery);
  const [code, setCode] = useState("");
  useEffect(() => {
    const take = (): void => {
      const found = takeToken();
      if (found !== null) invitation.set(found);
    };
    take();
    // A second link opened in the same tab changes only the fragment.
    globalThis.addEventListener("hashchange", take);
    return () => globalThis.removeEventListener("hashchange", take);
  }, []);
  useEffect(() => {
    document.title = `${t("people.invite_title")} · ${t("common.product")}`;
  }, [t]);
  const offer = useQuery({ queryKey: ["offer", token], queryFn: () => readOffer(token ?? ""), enabled: token !== null, retry: false, staleTime: Infinity });
  const id = useId();
  if (token === null) {
    return (
      <AuthFrame title={t("people.invite_title")}>
        <form
          className="stack wide"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            if (code.trim() !== "") invitation.set(code.trim());
          }}
        >
          <div className="field">
            <label htmlFor={id}>{t("people.invite_code")}</label>
            <input id={id} className="input code-input" autoComplete="one-time-code" autoCapitalize="none" spellCheck={false} value={code} data-testid="invite-code" onChange={(event) => setCode(event.target.value)} />
          </div>
          <button type="submit" className="button primary tall">
            {t("people.invite_open")}
          </button>
        </form>
      </AuthFrame>
    );
  }
  const user = session.data?.user ?? null;
  return (
    <AuthFrame title={t("people.invite_title")}>
      {offer.isPending && <p className="muted">{t("people.invite_reading")}</p>}
      {offer.isError && (
        <>
          <p className="fault" role="alert" data-testid="invite-refused">
            {failureText(t, offer.error, language).text}
          </p>
          <Link to="/" className="hint" onClick={() => invitation.set(null)}>
            {t("people.invite_home")}
          </Link>
        </>
      )}
      {offer.data !== undefined && (
        <>
          <p data-testid="invite-offer">{t("people.invite_offer", { name: offer.data.invited_by, workspace: offer.data.workspace, role: t(`people.role_${offer.data.role}`) })}</p>
          <p className="hint">{t(`people.role_${offer.data.role}_text`)}</p>
          <p className="hint">{t("people.invite_until", { until: moment(offer.data.expires_ms, language) })}</p>
          {session.data !== undefined && (user === null ? <Newcomer token={token} /> : <Known token={token} name={user.username} />)}
        </>
      )}
    </AuthFrame>
  );
}

function Known({ token, name }: { token: string; name: string }) {
  const { t, language } = useWords();
  const accepting = useMutation({
    mutationFn: () => acceptInvitation(token),
    // The whole page anew: it showed another workspace before.
    onSuccess: () => location.assign("/"),
  });
  return (
    <div className="stack wide">
      {accepting.isError && (
        <p className="fault" role="alert" data-testid="invite-error">
          {failureText(t, accepting.error, language).text}
        </p>
      )}
      <button type="button" className="button primary tall" data-testid="invite-accept" disabled={accepting.isPending} onClick={() => accepting.mutate()}>
        {t("people.invite_accept_as", { name })}
      </button>
      <p className="hint">{t("people.invite_other_person")}</p>
    </div>
  );
}

function Newcomer({ token }: { token: string }) {
  const { t, language } = useWords();
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const id = useId();
  const strength = strengthOf(password);
  const joining = useMutation({
    mutationFn: joinAsNew,
    onSuccess: async (answer) => {
      invitation.set(null);
      signedIn(answer);
      await navigate({ to: "/", replace: true });
    },
  });
  const field = joining.error instanceof Refused ? (joining.error.problem.problems[0]?.field ?? joining.error.problem.field) : null;
  const said = joining.error === null ? null : failureText(t, joining.error, language).text;
  const nameFault = tried && username.trim() === "" ? t("auth.username_required") : field === "username" ? said : null;
  const passwordFault = tried && strength.missing > 0 ? t("auth.password_short", { count: strength.missing }) : field === "password" ? said : null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (username.trim() === "" || strength.missing > 0 || joining.isPending) return;
    joining.mutate({ token, username: username.trim(), password, language });
  };
  return (
    <form className="stack wide" noValidate onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>{t("auth.username")}</label>
        <input id={id} className="input" name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} value={username} aria-invalid={nameFault !== null} aria-describedby={`${id}-fault`} data-testid="join-username" onChange={(event) => setUsername(event.target.value)} />
        <span id={`${id}-fault`} className="fault">
          {nameFault}
        </span>
      </div>
      <PasswordField value={password} onChange={setPassword} autoComplete="new-password" testId="join-password" fault={passwordFault} />
      {said !== null && field !== "username" && field !== "password" && (
        <p className="fault" role="alert" data-testid="invite-error">
          {said}
        </p>
      )}
      <button type="submit" className="button primary tall" data-testid="join-submit" disabled={joining.isPending}>
        {t("people.invite_join")}
      </button>
      <Link to="/login" search={{ next: "/invite" }} className="hint" data-testid="join-login">
        {t("people.invite_have_user")}
      </Link>
    </form>
  );
}
