/** The second step of a login whose password was right: a code, a passkey, or a recovery code. */
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Refused } from "../api/errors";
import { askLoginPasskey, loginSecond } from "../api/factors";
import type { Session } from "../api/types";
import { useWords } from "../i18n/useWords";
import { CodeField } from "./CodeField";
import { proofFailure } from "./failures";
import { askDevice, passkeysWork } from "./passkey";

type Props = {
  readonly step: NonNullable<Session["second_step"]>;
  readonly onIn: (session: Session) => void;
  /** The login has ended, or the person begins again; with why, if it is not their wish. */
  readonly onBack: (why: string | null) => void;
};

export function SecondStep({ step, onIn, onBack }: Props) {
  const { t, language } = useWords();
  const [code, setCode] = useState("");
  const [tried, setTried] = useState(false);
  const takesCode = step.ways.includes("code") || step.ways.includes("recovery");
  const onError = (error: unknown): void => {
    setCode("");
    if (error instanceof Refused && error.problem.code === "login.half_open_ended") onBack(proofFailure(t, error, language));
  };
  const byCode = useMutation({ mutationFn: () => loginSecond({ code: code.trim() }), onSuccess: onIn, onError });
  const byPasskey = useMutation({
    mutationFn: async () => loginSecond({ passkey: await askDevice(await askLoginPasskey(true)) }),
    onSuccess: onIn,
    onError,
  });
  const pending = byCode.isPending || byPasskey.isPending;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (code.trim() === "" || pending) return;
    setTried(false);
    byPasskey.reset();
    byCode.mutate();
  };
  const failure = byCode.error ?? byPasskey.error;
  return (
    <form className="stack wide" noValidate data-testid="second-step" onSubmit={submit}>
      <p>{t(step.ways.length === 0 ? "auth.second_none" : takesCode ? "auth.second_text" : "auth.second_passkey_text")}</p>
      {step.ways.includes("passkey") && passkeysWork() && (
        <button
          type="button"
          className={`button tall ${step.ways.includes("code") ? "" : "primary"}`}
          data-testid="second-passkey"
          disabled={pending}
          onClick={() => {
            byCode.reset();
            byPasskey.mutate();
          }}
        >
          {byPasskey.isPending ? t("auth.passkey_asking") : t("auth.passkey_use")}
        </button>
      )}
      {takesCode && (
        <CodeField
          value={code}
          onChange={setCode}
          testId="second-code"
          focuses
          label={step.ways.includes("code") ? t("auth.second_code") : t("auth.second_recovery")}
          fault={tried && code.trim() === "" ? t("auth.second_code_required") : null}
          hint={step.ways.includes("code") ? t("auth.second_code_hint") : t("auth.second_recovery_hint")}
        />
      )}
      {failure !== null && !tried && (
        <p className="fault" role="alert" data-testid="second-error">
          {proofFailure(t, failure, language)}
        </p>
      )}
      {takesCode && (
        <button type="submit" className="button primary tall" data-testid="second-submit" disabled={pending}>
          {byCode.isPending ? t("auth.logging_in") : t("auth.login")}
        </button>
      )}
      <button type="button" className="button quiet" data-testid="second-back" onClick={() => onBack(null)}>
        {t("auth.second_back")}
      </button>
    </form>
  );
}
