/** One choice of a few, as a row of buttons with the semantics of radio buttons. */
import { useRef, type KeyboardEvent } from "react";

type Option<T extends string> = { readonly value: T; readonly label: string; readonly testId?: string; readonly title?: string };

type Props<T extends string> = {
  readonly label: string;
  readonly value: T;
  readonly options: readonly Option<T>[];
  readonly onChange: (value: T) => void;
  readonly className?: string;
  readonly disabled?: boolean;
};

export function Segments<T extends string>({ label, value, options, onChange, className = "", disabled = false }: Props<T>) {
  const row = useRef<HTMLDivElement>(null);

  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || disabled) return;
    event.preventDefault();
    const at = options.findIndex((option) => option.value === value);
    const index = (at + step + options.length) % options.length;
    const next = options[index];
    if (next === undefined) return;
    onChange(next.value);
    row.current?.querySelectorAll<HTMLButtonElement>("button")[index]?.focus();
  };

  return (
    <div ref={row} className={`segments ${className}`} role="radiogroup" aria-label={label} onKeyDown={onKeyDown}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          aria-disabled={disabled}
          title={option.title}
          data-value={option.value}
          data-testid={option.testId}
          onClick={() => !disabled && onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
