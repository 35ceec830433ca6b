/**
 * Typed text as numbers: what a field says, or why it says nothing yet.
 *
 * Lives here: reading one field. Not here: what the numbers come to (`asked`), whether they are allowed (`rules`).
 */
import { parseDecimal, parsePercent, twoReadings, type Language } from "../format/number";

/** Paths of the fields as the server names them, in the order of the form. */
export const PATHS = [
  "trigger.price",
  "price",
  "quantity",
  "slippage_percent",
  "take_profit.trigger_price",
  "take_profit.limit_price",
  "stop_loss.trigger_price",
  "stop_loss.limit_price",
] as const;
export type Path = (typeof PATHS)[number];

export type FieldState =
  | { readonly kind: "empty" }
  | { readonly kind: "not_a_number"; readonly typed: string }
  /** A price that could be a thousand times another: the person says which, never we. */
  | { readonly kind: "ambiguous"; readonly typed: string; readonly readings: readonly string[] }
  /** `share`: it was typed with a percent sign; the field says of what. */
  | { readonly kind: "number"; readonly value: string; readonly share: boolean };

export function readField(typed: string, language: Language): FieldState {
  if (typed.trim() === "") return { kind: "empty" };
  const readings = twoReadings(typed, language);
  if (readings !== null) return { kind: "ambiguous", typed, readings };
  const percent = parsePercent(typed);
  const value = percent ?? parseDecimal(typed);
  return value === null ? { kind: "not_a_number", typed } : { kind: "number", value, share: percent !== null };
}

/** The number of a field, or null while it says none. */
export function numberOf(field: FieldState): string | null {
  return field.kind === "number" ? field.value : null;
}

/** A field in which a percent sign means nothing. */
export function withoutShare(field: FieldState, typed: string): FieldState {
  return field.kind === "number" && field.share ? { kind: "not_a_number", typed } : field;
}
