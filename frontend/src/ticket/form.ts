/** What every part of the ticket's form is handed: what is typed, what it comes to, and how to change it. */
import type { RefObject } from "react";
import type { Instrument, Ticker } from "../api/types";
import type { Checked } from "./checks";
import type { TicketFields } from "./fields";
import type { Fix } from "./fixes";
import type { Path } from "./reading";
import type { Ticket } from "./state";

export type FormPart = {
  readonly ticket: Ticket;
  readonly checked: Checked;
  readonly instrument: Instrument;
  readonly ticker: Ticker | null;
  readonly editable: boolean;
  readonly edit: (change: Partial<TicketFields>) => void;
  readonly onFix: (fix: Fix) => void;
  readonly inputs: RefObject<Partial<Record<Path, HTMLInputElement | null>>>;
};

/** Remembers a field's input, so that a reason can lead to it. */
export function inputRef(part: FormPart, path: Path): (input: HTMLInputElement | null) => void {
  return (input) => {
    part.inputs.current[path] = input;
  };
}

export function isFaulty(checked: Checked, path: Path, spotOf: (field: string) => string): boolean {
  const field = checked.asked.readings[path];
  return field?.kind === "not_a_number" || field?.kind === "ambiguous" || checked.problems.some((problem) => spotOf(problem.field) === path);
}
