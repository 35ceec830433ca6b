/** One number in a dialog: its label, what it was, what is wrong with it; arrows step by the instrument's step. */
import { useId, type KeyboardEvent } from "react";
import { useWords } from "../../i18n/useWords";
import type { FieldState } from "../../ticket/reading";
import { moved } from "../../ticket/stepping";

type Props = {
  readonly label: string;
  readonly unit: string;
  readonly step: string;
  readonly value: string;
  readonly was: string;
  readonly testId: string;
  readonly field: FieldState;
  readonly faults: readonly string[];
  readonly onChange: (value: string) => void;
};

export function NumberLine({ label, unit, step, value, was, testId, field, faults, onChange }: Props) {
  const { t } = useWords();
  const id = useId();
  const unread = field.kind === "not_a_number" || field.kind === "ambiguous";
  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    if (direction === 0) return;
    event.preventDefault();
    const next = moved(value, step, direction * (event.shiftKey ? 10 : 1), null);
    if (next !== null) onChange(next);
  };
  return (
    <div className="field">
      <span className="field-head">
        <label htmlFor={id} className="label">
          {label}, {unit}
        </label>
        {was !== "" && value !== was && <span className="muted">{t("actions.was", { value: was })}</span>}
      </span>
      <input
        id={id}
        className="input"
        type="text"
        inputMode="decimal"
        autoComplete="off"
        spellCheck={false}
        value={value}
        aria-invalid={unread || faults.length > 0}
        aria-describedby={`${id}-notes`}
        data-testid={testId}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <span id={`${id}-notes`} className="field-notes">
        {unread && <span className="fault">{t("actions.not_a_number")}</span>}
        {faults.map((fault) => (
          <span key={fault} className="fault">
            {fault}
          </span>
        ))}
      </span>
    </div>
  );
}
