/** One field for the code of an authenticator app or a recovery code; the server knows which it is. */
import { useEffect, useId, useRef } from "react";
import { useWords } from "../i18n/useWords";

type Props = {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly testId: string;
  readonly fault: string | null;
  readonly label?: string;
  readonly hint?: string | null;
  readonly focuses?: boolean;
};

export function CodeField({ value, onChange, testId, fault, label, hint = null, focuses = false }: Props) {
  const { t } = useWords();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focuses) field.current?.focus();
  }, [focuses]);
  return (
    <div className="field">
      <label htmlFor={id}>{label ?? t("auth.second_code")}</label>
      <input
        ref={field}
        id={id}
        className="input code-input"
        name="code"
        autoComplete="one-time-code"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={64}
        value={value}
        aria-invalid={fault !== null}
        aria-describedby={`${id}-notes`}
        data-testid={testId}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id={`${id}-notes`} className="field-notes">
        {fault !== null && <span className="fault">{fault}</span>}
        {hint !== null && <span className="hint">{hint}</span>}
      </span>
    </div>
  );
}
