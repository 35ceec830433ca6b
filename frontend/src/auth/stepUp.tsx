/**
 * Step-up: what the server does only after a fresh proof of who is asking.
 *
 * `useStepUp()` gives a wrapper for calls: when the server asks for the proof, the dialog opens, and after it the call is
 * made once more. Closed without a proof, the call fails as the server refused it. `StepUpHost` stands once in the page.
 */
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { stepUpByPassword } from "../api/factors";
import { stepUps } from "../app/services";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import { useSignal } from "../stream/hooks";
import { Dialog } from "../ui/Dialog";
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
  const { t, language } = useWords();
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const proving = useMutation({
    mutationFn: () => stepUpByPassword(password),
    onSuccess: () => stepUps.answer(true),
    onError: () => setPassword(""),
  });
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation(); // a form inside another's React tree would submit that too
    setTried(true);
    if (password === "" || proving.isPending) return;
    setTried(false);
    proving.mutate();
  };
  const fault = tried && password === "" ? t("auth.password_required") : proving.isError && password === "" ? failureText(t, proving.error, language).text : null;
  return (
    <Dialog title={t("auth.step_up_title")} testId="step-up" onClose={() => stepUps.answer(false)}>
      {(close) => (
        <form className="stack wide" noValidate onSubmit={onSubmit}>
          <p>{t("auth.step_up_text")}</p>
          <PasswordField value={password} onChange={setPassword} autoComplete="current-password" testId="step-up-password" fault={fault} />
          <div className="row">
            <button type="submit" className="button primary" data-testid="step-up-confirm" disabled={proving.isPending}>
              {proving.isPending ? t("auth.step_up_confirming") : t("auth.step_up_confirm")}
            </button>
            <button type="button" className="button" onClick={close}>
              {t("auth.step_up_cancel")}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
