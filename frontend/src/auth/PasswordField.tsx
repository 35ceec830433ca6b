/** A password with show and hide, a hint when Caps Lock is on, and paste as anywhere. */
import { useId, useState, type KeyboardEvent, type ReactNode } from "react";
import { useWords } from "../i18n/useWords";

type Props = {
  /** Which password, where there is more than one; "Password" otherwise. */
  readonly label?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly autoComplete: "new-password" | "current-password";
  readonly testId: string;
  readonly fault: string | null;
  /** Where a dialog's focus begins. */
  readonly first?: boolean;
  readonly children?: ReactNode;
};

export function PasswordField({ label, value, onChange, autoComplete, testId, fault, first = false, children }: Props) {
  const { t } = useWords();
  const [shown, setShown] = useState(false);
  const [capsLock, setCapsLock] = useState(false);
  const id = useId();
  const watchCapsLock = (event: KeyboardEvent): void => setCapsLock(event.getModifierState("CapsLock"));
  return (
    <div className="field">
      <label htmlFor={id}>{label ?? t("auth.password")}</label>
      <span className="input-with-button">
        <input
          id={id}
          className="input"
          data-first={first ? "" : undefined}
          name="password"
          type={shown ? "text" : "password"}
          autoComplete={autoComplete}
          autoCapitalize="none"
          spellCheck={false}
          value={value}
          aria-invalid={fault !== null}
          aria-describedby={`${id}-hint`}
          data-testid={testId}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={watchCapsLock}
          onKeyUp={watchCapsLock}
        />
        <button
          type="button"
          className="button small quiet"
          aria-pressed={shown}
          aria-label={shown ? t("auth.hide_password") : t("auth.show_password")}
          onClick={() => setShown(!shown)}
        >
          {shown ? t("auth.hide") : t("auth.show")}
        </button>
      </span>
      <span id={`${id}-hint`} className="field-notes">
        {capsLock && <span className="caution">{t("auth.caps_lock")}</span>}
        {fault !== null && <span className="fault">{fault}</span>}
        {children}
      </span>
    </div>
  );
}
