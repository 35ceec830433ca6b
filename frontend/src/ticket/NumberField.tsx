/** A number as text: decimal keypad, `.` or `,`, arrows by the instrument's step, problems and suggestions under it. */
import { useId, type KeyboardEvent, type ReactNode, type Ref } from "react";
import { useWords } from "../i18n/useWords";
import { moved } from "./stepping";

type Props = {
  readonly label: string;
  readonly value: string;
  readonly unit: string;
  readonly step: string;
  readonly stepText: string;
  readonly start: string | null;
  readonly faulty: boolean;
  readonly disabled: boolean;
  readonly testId: string;
  readonly inputRef?: Ref<HTMLInputElement>;
  readonly aside?: ReactNode;
  readonly children?: ReactNode;
  readonly onChange: (value: string) => void;
  readonly onBlur?: () => void;
};

export function NumberField(props: Props) {
  const { t } = useWords();
  const id = useId();
  const move = (steps: number): void => {
    const next = moved(props.value, props.step, steps, props.start);
    if (next !== null) props.onChange(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    if (direction === 0 || props.disabled) return;
    event.preventDefault();
    move(direction * (event.shiftKey ? 10 : 1));
  };
  return (
    <div className="field">
      <span className="field-head">
        <label htmlFor={id} className="label">
          {props.label}
        </label>
        {props.aside}
      </span>
      <span className="number-input">
        <input
          id={id}
          ref={props.inputRef}
          className="input"
          type="text"
          inputMode="decimal"
          autoComplete="off"
          spellCheck={false}
          value={props.value}
          readOnly={props.disabled}
          aria-invalid={props.faulty}
          aria-describedby={`${id}-notes`}
          data-testid={props.testId}
          onChange={(event) => props.onChange(event.target.value)}
          onKeyDown={onKeyDown}
          onBlur={props.onBlur}
        />
        <span className="unit" aria-hidden="true">
          {props.unit}
        </span>
        <button
          type="button"
          tabIndex={-1}
          disabled={props.disabled}
          aria-label={t("ticket.step_down", { step: props.stepText })}
          onClick={() => move(-1)}
        >
          −
        </button>
        <button
          type="button"
          tabIndex={-1}
          disabled={props.disabled}
          aria-label={t("ticket.step_up", { step: props.stepText })}
          onClick={() => move(1)}
        >
          +
        </button>
      </span>
      <span id={`${id}-notes`} className="field-notes">
        {props.children}
      </span>
    </div>
  );
}
