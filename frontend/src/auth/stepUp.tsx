/**
 * Step-up: what the server does only after a fresh proof of who is asking.
 *
 * `useStepUp()` gives a wrapper for calls: when the server asks for the proof, the dialog opens, and after it the call is
 * made once more. Closed without a proof, the call fails as the server refused it. `StepUpHost` stands once in the page.
 */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { askStepUpPasskey, readSecurity, stepUp, type Proof, type Way } from "../api/factors";
import { stepUps } from "../app/services";
import { useWords } from "../i18n/useWords";
import { useSignal } from "../stream/hooks";
import { Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Waiting } from "../ui/Waiting";
import { CodeField } from "./CodeField";
import { proofFailure } from "./failures";
import { askDevice, passkeysWork } from "./passkey";
import { PasswordField } from "./PasswordField";

/** Makes a call; when it needs a proof, asks the person and makes it again. */
export type WithProof = <T>(call: () => Promise<T>) => Promise<T>;

export function useStepUp(): WithProof {
  return stepUps.withProof;
}

/** Shows the question while one is asked, over whatever else is open. */
export function StepUpHost() {
  const asking = useSignal(stepUps.asking);
  return asking ? <StepUpDialog /> : null;
}

function StepUpDialog() {
  const { t } = useWords();
  // Asked anew each time: what one proves oneself by may have changed a moment ago.
  const security = useQuery({ queryKey: ["security", "step-up"], queryFn: readSecurity, staleTime: 0, gcTime: 0 });
  return (
    <Dialog title={t("auth.step_up_title")} testId="step-up" onClose={() => stepUps.answer(false)}>
      {(close) => (
        <div className="stack wide">
          {security.isError && <Failure what={t("auth.step_up_title")} error={security.error} onRetry={() => void security.refetch()} />}
          {security.data === undefined && !security.isError && <Waiting rows={2} onRetry={() => void security.refetch()} />}
          {security.data !== undefined && <Ways ways={security.data.step_up_ways} onClose={close} />}
        </div>
      )}
    </Dialog>
  );
}

function Ways({ ways, onClose }: { ways: readonly Way[]; onClose: () => void }) {
  const { t, language } = useWords();
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const proving = useMutation({
    mutationFn: async (proof: Proof | "passkey") => stepUp(proof === "passkey" ? { passkey: await askDevice(await askStepUpPasskey()) } : proof),
    onSuccess: () => stepUps.answer(true),
    onError: () => setTyped(""),
  });
  // The dialog was there before its fields.
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("input, button")?.focus(), []);
  const byPassword = ways.includes("password");
  const byCode = ways.includes("code") || ways.includes("recovery");
  const byPasskey = ways.includes("passkey") && passkeysWork();
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation(); // a form inside another's React tree would submit that too
    setTried(true);
    if (typed.trim() === "" || proving.isPending) return;
    setTried(false);
    proving.mutate(byPassword ? { password: typed } : { code: typed.trim() });
  };
  const missing = tried && typed.trim() === "";
  return (
    <form ref={form} className="stack wide" noValidate onSubmit={onSubmit}>
      <p>{t(byPassword ? "auth.step_up_text" : ways.length === 0 ? "auth.second_none" : "auth.step_up_factor_text")}</p>
      {byPasskey && (
        <button type="button" className="button primary" data-testid="step-up-passkey" disabled={proving.isPending} onClick={() => proving.mutate("passkey")}>
          {t("auth.passkey_use")}
        </button>
      )}
      {byPassword && (
        <PasswordField value={typed} onChange={setTyped} autoComplete="current-password" testId="step-up-password" fault={missing ? t("auth.password_required") : null} />
      )}
      {byCode && (
        <CodeField
          value={typed}
          onChange={setTyped}
          testId="step-up-code"
          label={ways.includes("code") ? t("auth.second_code") : t("auth.second_recovery")}
          fault={missing ? t("auth.second_code_required") : null}
          hint={ways.includes("code") ? t("auth.second_code_hint") : t("auth.second_recovery_hint")}
        />
      )}
      {proving.isError && !missing && (
        <p className="fault" role="alert" data-testid="step-up-error">
          {proofFailure(t, proving.error, language)}
        </p>
      )}
      <div className="row">
        {(byPassword || byCode) && (
          <button type="submit" className="button primary" data-testid="step-up-confirm" disabled={proving.isPending}>
            {proving.isPending ? t("auth.step_up_confirming") : t("auth.step_up_confirm")}
          </button>
        )}
        <button type="button" className="button" onClick={onClose}>
          {t("auth.step_up_cancel")}
        </button>
      </div>
    </form>
  );
}
