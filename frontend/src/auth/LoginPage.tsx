/** Login with username and password. Why it failed is not told in detail; how long to wait is. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useId, useState, type FormEvent } from "react";
import { login } from "../api/calls";
import { Refused } from "../api/errors";
import { sessionQuery, signedIn } from "../app/session";
import { age } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { AuthFrame } from "./AuthFrame";
import { PasswordField } from "./PasswordField";

export function LoginPage() {
  const { t, language } = useWords();
  const { next, reason } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const [lockedUntilMs, setLockedUntilMs] = useState(0);
  const now = useNow();
  const id = useId();
  const entering = useMutation({
    mutationFn: login,
    onSuccess: async (session) => {
      signedIn(session);
      await navigate({ href: next ?? "/", replace: true });
    },
    onError: (error) => {
      setPassword("");
      if (!(error instanceof Refused) || error.problem.code !== "login.too_many") return;
      const wait = Number(error.problem.params["retry_after_s"]);
      setLockedUntilMs(Date.now() + (Number.isFinite(wait) ? wait : 60) * 1000);
    },
  });
  // Logged in by another tab, or come here by an old bookmark. After a log-out or an expiry the form stays.
  const session = useQuery({ ...sessionQuery, enabled: reason === undefined });
  const isIn = reason === undefined && session.data != null && session.data.user !== null;
  useEffect(() => {
    if (isIn) void navigate({ href: next ?? "/", replace: true });
  }, [isIn, navigate, next]);
  useEffect(() => {
    document.title = `${t("auth.login_title")} · ${t("common.product")}`;
  }, [t]);

  const locked = lockedUntilMs > now;
  const failure = ((): string | null => {
    if (locked) return t("auth.login_locked", { wait: age(lockedUntilMs - now, language) });
    if (entering.error === null) return null;
    if (entering.error instanceof Refused && entering.error.problem.code === "login.failed") return t("auth.login_failed");
    if (entering.error instanceof Refused && entering.error.problem.code === "login.too_many") return null;
    return failureText(t, entering.error, language).text;
  })();

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (username.trim() === "" || password === "" || entering.isPending || locked) return;
    setTried(false);
    entering.mutate({ username: username.trim(), password });
  };

  return (
    <AuthFrame title={t("auth.login_title")}>
      {reason !== undefined && <p className="hint">{reason === "expired" ? t("auth.expired") : t("auth.logged_out")}</p>}
      <form className="stack wide" noValidate onSubmit={submit}>
        <div className="field">
          <label htmlFor={id}>{t("auth.username")}</label>
          <input
            id={id}
            className="input"
            name="username"
            data-testid="login-username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            value={username}
            onChange={(event) => setUsername(event.target.value)}
          />
          {tried && username.trim() === "" && <span className="fault">{t("auth.username_required")}</span>}
        </div>
        <PasswordField
          value={password}
          onChange={setPassword}
          autoComplete="current-password"
          testId="login-password"
          fault={tried && password === "" ? t("auth.password_required") : null}
        />
        {failure !== null && (
          <p className="fault" role="alert" data-testid="login-error">
            {failure}
          </p>
        )}
        <button type="submit" className="button primary tall" data-testid="login-submit" disabled={entering.isPending || locked}>
          {entering.isPending ? t("auth.logging_in") : t("auth.login")}
        </button>
        <Link to="/welcome" className="hint">
          {t("auth.have_code")}
        </Link>
      </form>
    </AuthFrame>
  );
}
