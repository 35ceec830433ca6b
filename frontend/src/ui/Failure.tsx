/** The box of a failed read: what failed, why, a code to copy, and a way to try again. */
import { useWords } from "../i18n/useWords";
import { failureText } from "../i18n/words";

export function Failure({ what, error, onRetry }: { what: string; error: unknown; onRetry: () => void }) {
  const { t, language } = useWords();
  const { text, code } = failureText(t, error, language);
  return <FailureBox what={what} why={text} code={code} onRetry={onRetry} />;
}

export function FailureBox(props: { what: string; why: string; code: string; onRetry: () => void }) {
  const { t } = useWords();
  return (
    <div className="box error" role="alert">
      <strong>{props.what}</strong>
      <span>{props.why}</span>
      <span className="hint">
        {t("common.error_code", { code: "" })}
        <span className="code">{props.code}</span>
      </span>
      <button type="button" className="button small" onClick={props.onRetry}>
        {t("common.retry")}
      </button>
    </div>
  );
}
