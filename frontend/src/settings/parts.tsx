/** What the sections share: the page with its title, the fault of a deed, a question before a deed, a moment. */
import { useMutation } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";
import type { Language } from "../format/number";
import { Dialog } from "../ui/Dialog";

export function SettingsPage({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const { t } = useWords();
  useEffect(() => {
    document.title = `${title} · ${t("common.product")}`;
  }, [t, title]);
  return (
    <main className="settings" id="main" tabIndex={-1} aria-labelledby="settings-title">
      <div className="settings-head">
        <h1 id="settings-title">{title}</h1>
        <span className="spacer" />
        {actions}
      </div>
      {children}
    </main>
  );
}

export function Fault({ error }: { error: Error | null }) {
  const { t, language } = useWords();
  if (error === null) return null;
  return (
    <p className="fault" role="alert" data-testid="settings-fault">
      {failureText(t, error, language).text}
    </p>
  );
}

/** A question before something that cannot be taken back; the safe answer has the focus. */
export function Question(props: { title: string; text: string; act: string; keep: string; onAct: () => Promise<unknown>; onClose: () => void }) {
  const acting = useMutation({ mutationFn: props.onAct, onSuccess: props.onClose });
  return (
    <Dialog title={props.title} testId="question" onClose={props.onClose}>
      {(close) => (
        <div className="stack">
          <p>{props.text}</p>
          <Fault error={acting.error} />
          <div className="row">
            <button type="button" className="button" data-first onClick={close}>
              {props.keep}
            </button>
            <button type="button" className="button danger" data-testid="question-act" disabled={acting.isPending} onClick={() => acting.mutate()}>
              {props.act}
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

export function moment(ms: number, language: Language): string {
  return new Date(ms).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}
