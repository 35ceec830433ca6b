/**
 * Logging in: name and password, then the second step of who has a second factor; or a passkey alone.
 *
 * Lives here: the two steps, on whatever they are shown in. Not here: where it leads (`LoginPage`, `LogInAgain`).
 * Why it failed is not told in detail; how long to wait is.
 */
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { login } from "../api/calls";
import { askLoginPasskey, loginByPasskey } from "../api/factors";
import type { Session } from "../api/types";
import { Refused } from "../api/errors";
import { age } from "../format/time";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { useNow } from "../stream/hooks";
import { proofFailure } from "./failures";
import { askDevice, passkeysWork } from "./passkey";
import { PasswordField } from "./PasswordField";
import { SecondStep } from "./SecondStep";

type Props = {
  /** Who was there before, proposed; nobody may be. */
  readonly name?: string;
  /** Somebody is in: what follows may take a moment. */
  readonly onIn: (session: Session) => Promise<void>;
  /** What both steps stand in. */
  readonly frame: (step: "first" | "second", content: ReactNode) => ReactNode;
  /** Below the first step. */
  readonly foot: ReactNode;
};

export function LoginForm({ name = "", onIn, frame, foot }: Props) {
  const { t, language } = useWords();
  const [username, setUsername] = useState(name);
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const [lockedUntilMs, setLockedUntilMs] = useState(0);
  const now = useNow();
  const id = useId();
  const [step, setStep] = useState<Session["second_step"]>(null);
  const [ended, setEnded] = useState<string | null>(null);
  const enter = async (answer: Session): Promise<void> => {
    setPassword("");
    setEnded(null);
    setStep(answer.second_step);
    if (answer.user !== null) await onIn(answer);
  };
  const byPasskey = useMutation({
    mutationFn: async () => loginByPasskey(await askDevice(await askLoginPasskey(false))),
    onSuccess: enter,
  });
  const entering = useMutation({
    mutationFn: login,
    onSuccess: enter,
    onError: (error) => {
      setPassword("");
      if (!(error instanceof Refused) || error.problem.code !== "login.too_many") return;
      const wait = Number(error.problem.params["retry_after_s"]);
      setLockedUntilMs(Date.now() + (Number.isFinite(wait) ? wait : 60) * 1000);
    },
  });
  const locked = lockedUntilMs > now;
  const failure = ((): string | null => {
    if (locked) return t("auth.login_locked", { wait: age(lockedUntilMs - now, language) });
    if (byPasskey.error !== null) return proofFailure(t, byPasskey.error, language);
    if (entering.error === null) return ended;
    if (entering.error instanceof Refused && entering.error.problem.code === "login.failed") return t("auth.login_failed");
    if (entering.error instanceof Refused && entering.error.problem.code === "login.too_many") return null;
    return failureText(t, entering.error, language).text;
  })();

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (username.trim() === "" || password === "" || entering.isPending || locked) return;
    setTried(false);
    byPasskey.reset();
    entering.mutate({ username: username.trim(), password });
  };

  if (step !== null) {
    return frame(
      "second",
      <SecondStep
        step={step}
        onIn={(answer) => void enter(answer)}
        onBack={(why) => {
          entering.reset();
          setEnded(why);
          setStep(null);
        }}
      />,
    );
  }

  return frame(
    "first",
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
        first={name !== ""}
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
      {passkeysWork() ? (
        <button
          type="button"
          className="button tall"
          data-testid="login-passkey"
          disabled={byPasskey.isPending || entering.isPending}
          onClick={() => {
            entering.reset();
            setTried(false);
            byPasskey.mutate();
          }}
        >
          {byPasskey.isPending ? t("auth.passkey_asking") : t("auth.passkey_login")}
        </button>
      ) : (
        <p className="hint">{t("auth.passkey_not_here")}</p>
      )}
      {foot}
    </form>,
  );
}
