/** One choice of several in little room: a native list, which every keyboard and phone knows. */
type Option<T extends string> = { readonly value: T; readonly label: string };

type Props<T extends string> = {
  readonly label: string;
  readonly value: T;
  readonly options: readonly Option<T>[];
  readonly disabled?: boolean;
  readonly testId?: string;
  readonly onChange: (value: T) => void;
};

export function Choice<T extends string>({ label, value, options, disabled = false, testId, onChange }: Props<T>) {
  return (
    <select
      className="choice"
      aria-label={label}
      value={value}
      // Not `disabled`: sending by a key must not take the focus away. The value is ours, so a choice that is not taken shows none.
      aria-disabled={disabled}
      data-testid={testId}
      onChange={(event) => {
        const chosen = options.find((option) => option.value === event.target.value);
        if (chosen !== undefined && !disabled) onChange(chosen.value);
      }}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
