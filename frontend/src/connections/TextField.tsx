/** A labelled field with one line under it: what is wrong, or what belongs there. */
import { useId, type ReactNode } from "react";

type FieldProps = { readonly id: string; readonly "aria-invalid": boolean; readonly "aria-describedby": string; readonly spellCheck: false };

export function TextField(props: { label: string; fault: string | null; hint: string; children: (field: FieldProps) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.children({ id, "aria-invalid": props.fault !== null, "aria-describedby": `${id}-notes`, spellCheck: false })}
      <span id={`${id}-notes`} className={props.fault === null ? "hint" : "fault"}>
        {props.fault ?? props.hint}
      </span>
    </div>
  );
}
