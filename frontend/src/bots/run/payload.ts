/**
 * What a run's event says, read field by field: a payload is JSON whose keys hang on its kind, and a newer server may
 * have others. What is missing or of another type is null, and whoever shows it says so.
 */
import type { RunEvent } from "../../api/types";

export type Payload = Readonly<Record<string, unknown>>;

export function textOf(payload: Payload, name: string): string | null {
  const value = payload[name];
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

export function numberOf(payload: Payload, name: string): number | null {
  const value = payload[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function flagOf(payload: Payload, name: string): boolean {
  return payload[name] === true;
}

export function inner(payload: Payload, name: string): Payload | null {
  const value = payload[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Payload) : null;
}

export function listOf(payload: Payload, name: string): readonly unknown[] {
  const value = payload[name];
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** A code with its parameters, of a note, a refusal or a reason. */
export type Said = { readonly code: string; readonly params: Readonly<Record<string, string>>; readonly quote: string | null };

export function saidIn(payload: Payload | null): Said | null {
  if (payload === null) return null;
  const code = textOf(payload, "code");
  if (code === null) return null;
  const params = inner(payload, "params") ?? {};
  const texts = Object.entries(params).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const);
  return { code, params: Object.fromEntries(texts), quote: textOf(payload, "exchange_text") ?? textOf(payload, "detail") };
}

/** One thing that a rule asks, with the numbers that it compares: `rsi(close, 14) < 30`, false, `rsi(close, 14)` 34.2. */
export type Condition = { readonly text: string; readonly value: boolean | null; readonly numbers: readonly { readonly text: string; readonly value: string | null }[] };
export type Rule = { readonly name: string; readonly value: boolean | null; readonly conditions: readonly Condition[] };

/** What each rule came to at a close. Numbers follow the condition that they are in. */
export function rulesOf(payload: Payload): readonly Rule[] {
  return listOf(payload, "rules").flatMap((each) => {
    if (typeof each !== "object" || each === null) return [];
    const rule = each as Payload;
    const name = textOf(rule, "name");
    return name === null ? [] : [{ name, value: verdict(rule["value"]), conditions: conditionsOf(listOf(rule, "parts")) }];
  });
}

function conditionsOf(parts: readonly unknown[]): readonly Condition[] {
  const found: { text: string; value: boolean | null; numbers: { text: string; value: string | null }[] }[] = [];
  for (const each of parts) {
    if (typeof each !== "object" || each === null) continue;
    const part = each as Payload;
    const text = textOf(part, "text");
    if (text === null) continue;
    const value = part["value"];
    const last = found.at(-1);
    // A number that is not known yet comes as null, as a condition does; it is in the text of the one before it.
    const isNumber = typeof value === "string" || typeof value === "number" || (value === null && last !== undefined && last.text !== text && last.text.includes(text));
    if (isNumber && last !== undefined) last.numbers.push({ text, value: value === null ? null : String(value) });
    else found.push({ text, value: verdict(value), numbers: [] });
  }
  return found;
}

function verdict(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}

/** What was decided at a close: the actions of its signals. */
export function decidedIn(payload: Payload): readonly string[] {
  return listOf(payload, "decided").filter((each) => typeof each === "string");
}

export type Folded = { readonly rule: string; readonly value: boolean | null; readonly because: readonly Condition[] };

/**
 * The one line of a rule: of one that is true every condition, of one that is not those that say why: what is false, or
 * else what is not known yet.
 */
export function folded(rule: Rule): Folded {
  const deciding = rule.value === true ? rule.conditions : rule.conditions.filter((each) => each.value === false);
  const unknown = rule.conditions.filter((each) => each.value === null);
  return { rule: rule.name, value: rule.value, because: deciding.length > 0 ? deciding : unknown.length > 0 ? unknown : rule.conditions };
}

export const payloadOf = (event: RunEvent): Payload => event.payload;
