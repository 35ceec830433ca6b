/** First start: takes the one-time code, makes the operator, says what SIM is, and opens the terminal. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useState, type FormEvent } from "react";
import { claim } from "../api/calls";
import { Refused } from "../api/errors";
import { sessionQuery, signedIn } from "../app/session";
import { useWords } from "../i18n/useWords";
import { failureText, type Words } from "../i18n/words";
import { choose, preferences, type Theme } from "../shell/preferences";
import { useSignal } from "../stream/hooks";
import { Icon } from "../ui/Icon";
import { Segments } from "../ui/Segments";
import { AuthFrame } from "./AuthFrame";
import { PasswordField } from "./PasswordField";
import { PASSWORD_LENGTH_MIN, strengthOf } from "./strength";
import { takeToken } from "./token";

const THEMES: readonly Theme[] = ["system", "dark", "light"];

export function WelcomePage() {
  const { t, language } = useWords();
  const { theme } = useSignal(preferences);
  const navigate = useNavigate();
  const session = useQuery(sessionQuery);
  const [linked, setLinked] = useState(takeToken);
  const [code, setCode] = useState("");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const ids = { code: useId(), username: useId() };
  const claiming = useMutation({
    mutationFn: claim,
    onSuccess: async (answer) => {
      signedIn(answer);
      await navigate({ to: "/", replace: true });
    },
  });

  // A second link opened in the same tab changes only the fragment.
  useEffect(() => {
    const onHash = (): void => {
      const token = takeToken();
      if (token !== null) setLinked(token);
    };
    globalThis.addEventListener("hashchange", onHash);
    return () => globalThis.removeEventListener("hashchange", onHash);
  }, []);

  const token = linked ?? code.trim();
  const strength = strengthOf(password);
  const refused = claimFault(t, claiming.error, language);
  const faults = {
    code: tried && token === "" ? t("auth.code_required") : null,
    username: tried && username.trim() === "" ? t("auth.username_required") : refused.username,
    password: tried && strength.missing > 0 ? t("auth.password_short", { count: strength.missing }) : refused.password,
  };

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (token === "" || username.trim() === "" || strength.missing > 0 || claiming.isPending) return;
    claiming.mutate({ token, username: username.trim(), password, language });
  };

  return (
    <AuthFrame title={t("auth.welcome_title")}>
      <p className="muted">{t("auth.welcome_intro")}</p>
      {session.data?.claimed === true && linked === null && (
        <p className="hint">
          {t("auth.already_claimed")} <Link to="/login">{t("auth.to_login")}</Link>
        </p>
      )}
      <form className="stack wide" noValidate onSubmit={submit}>
        <div className="pair">
          <div className="field">
            <span className="label">{t("auth.language")}</span>
            <Segments
              label={t("auth.language")}
              value={language}
              options={[
                { value: "en", label: "English" },
                { value: "ru", label: "Русский" },
              ]}
              onChange={(value) => choose({ language: value })}
            />
          </div>
          <div className="field">
            <span className="label">{t("auth.theme")}</span>
            <Segments
              label={t("auth.theme")}
              value={theme}
              options={THEMES.map((value) => ({ value, label: t(`auth.theme_${value}`) }))}
              onChange={(value) => choose({ theme: value })}
            />
          </div>
        </div>
        {linked === null && (
          <div className="field">
            <label htmlFor={ids.code}>{t("auth.code")}</label>
            <input
              id={ids.code}
              className="input code-input"
              data-testid="claim-code"
              autoComplete="one-time-code"
              autoCapitalize="none"
              spellCheck={false}
              value={code}
              aria-invalid={faults.code !== null}
              onChange={(event) => setCode(event.target.value)}
            />
            <span className={faults.code === null ? "hint" : "fault"}>{faults.code ?? t("auth.code_hint")}</span>
          </div>
        )}
        <div className="field">
          <label htmlFor={ids.username}>{t("auth.username")}</label>
          <input
            id={ids.username}
            className="input"
            name="username"
            data-testid="claim-username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            value={username}
            aria-invalid={faults.username !== null}
            onChange={(event) => setUsername(event.target.value)}
          />
          {faults.username !== null && <span className="fault">{faults.username}</span>}
        </div>
        <PasswordField
          value={password}
          onChange={setPassword}
          autoComplete="new-password"
          testId="claim-password"
          fault={faults.password}
        >
          {password === "" ? (
            <span className="hint">{t("auth.password_hint", { minimum: PASSWORD_LENGTH_MIN })}</span>
          ) : (
            <span className="strength">
              <progress className={`strength-bar ${strength.word}`} max={1} value={strength.part} aria-hidden="true" />
              <span className="hint">{t("auth.strength", { word: t(`auth.strength_${strength.word}`) })}</span>
            </span>
          )}
        </PasswordField>
        <div className="sim-note">
          <Icon name="flask" size={18} />
          <p>{t("auth.sim_text")}</p>
        </div>
        {refused.general !== null && (
          <p className="fault" role="alert" data-testid="claim-error">
            {refused.general}
          </p>
        )}
        <button type="submit" className="button primary tall" data-testid="claim-submit" disabled={claiming.isPending}>
          {claiming.isPending ? t("auth.claiming") : t("auth.claim")}
        </button>
      </form>
    </AuthFrame>
  );
}

type Faults = { readonly username: string | null; readonly password: string | null; readonly general: string | null };

function claimFault(t: Words, error: Error | null, language: "en" | "ru"): Faults {
  const none: Faults = { username: null, password: null, general: null };
  if (error === null) return none;
  if (error instanceof Refused) {
    if (error.problem.code === "claim.used") return { ...none, general: t("auth.claim_used") };
    if (error.problem.code === "claim.unknown") return { ...none, general: t("auth.claim_unknown") };
    const { text } = failureText(t, error, language);
    const field = error.problem.problems[0]?.field ?? error.problem.field;
    if (field === "username" || field === "password") return { ...none, [field]: text };
    return { ...none, general: text };
  }
  return { ...none, general: failureText(t, error, language).text };
}
