/**
 * Numbers between people and the wire: what was typed becomes a plain decimal string, and strings become text to read.
 *
 * Lives here: parsing of typed numbers, formatting by an instrument's steps, signs and shares.
 * Not here: whether a number is allowed (`rules/order`), times (`format/time`).
 * Money is a decimal string or a `Big` all the way; a binary float never touches it.
 */
import Big from "big.js";

export type Language = "en" | "ru";

export const UNKNOWN = "—";
const MINUS = "\u2212";
const NARROW = "\u202f";
const BLANKS = /[\s\u00a0\u2009\u202f_']/g;

// Formatting rounds half to even; rounding an order is another decision, made in `rules/order`.
const HALF_EVEN = 2;

/** Digits after the point of a step such as `0.10` → 1, `0.001` → 3, `1` → 0. */
export function decimalsOf(step: string): number {
  const text = new Big(step).toFixed();
  const point = text.indexOf(".");
  return point === -1 ? 0 : text.length - point - 1;
}

/**
 * A typed number as a plain decimal string, or null when it is not one.
 *
 * A point or a comma separates decimals; when both occur the last one does, the other groups digits. Blanks are
 * dropped; a final `k` multiplies by a thousand. `60 412,5` → `60412.5`, `1,234.5` → `1234.5`, `2.5k` → `2500`.
 */
export function parseDecimal(typed: string): string | null {
  let text = typed.replace(BLANKS, "").replace(MINUS, "-").toLowerCase();
  const thousands = text.endsWith("k") || text.endsWith("к");
  if (thousands) text = text.slice(0, -1);
  const points = count(text, ".");
  const commas = count(text, ",");
  if (points > 0 && commas > 0) {
    const mark = text.lastIndexOf(".") > text.lastIndexOf(",") ? "," : ".";
    if (!grouped(text, mark)) return null;
    text = text.replaceAll(mark, "").replace(",", ".");
  } else if (points > 1 || commas > 1) {
    const mark = points > 1 ? "." : ",";
    if (!grouped(text, mark)) return null;
    text = text.replaceAll(mark, "");
  } else {
    text = text.replace(",", ".");
  }
  if (!/^-?(\d{1,24}(\.\d{0,18})?|\.\d{1,18})$/.test(text)) return null;
  const value = new Big(text.startsWith(".") ? `0${text}` : text);
  return plain(thousands ? value.times(1000) : value);
}

/** A typed share such as `25%` or `+1,5 %` as a plain number of percent, or null when no percent sign ends it. */
export function parsePercent(typed: string): string | null {
  const match = /^\s*\+?(.*?)\s*%\s*$/.exec(typed);
  return match?.[1] === undefined ? null : parseDecimal(match[1]);
}

/**
 * Both readings of one comma before three digits, where the reader groups digits by commas: `60,412` is 60412 in New York
 * and 60.412 in Berlin. Null when there is one reading only: in Russian a comma is always the decimal mark.
 */
export function twoReadings(typed: string, language: Language): readonly [grouped: string, decimal: string] | null {
  const match = language === "en" ? /^([1-9]\d{0,2}),(\d{3})$/.exec(typed.replace(BLANKS, "")) : null;
  if (match === null) return null;
  const [, whole = "", rest = ""] = match;
  return [whole + rest, `${whole}.${rest}`];
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1;
}

function grouped(text: string, mark: string): boolean {
  const whole = text.split(mark === "," ? "." : ",")[0] ?? "";
  const groups = whole.replace("-", "").split(mark);
  return groups.every((group, index) => (index === 0 ? /^\d{1,3}$/ : /^\d{3}$/).test(group));
}

/** Without an exponent and without trailing zeros. */
export function plain(value: Big): string {
  const text = value.toFixed();
  return text === "-0" ? "0" : text;
}

/** Groups the digits of a plain decimal and keeps its decimals: `60412.5` → `60 412.5` (en), `60 412,5` (ru). */
export function grouping(text: string, language: Language): string {
  const negative = text.startsWith("-");
  const [whole = "0", fraction] = (negative ? text.slice(1) : text).split(".");
  const digits = whole.replace(/\B(?=(\d{3})+(?!\d))/g, NARROW);
  const zero = /^0*$/.test(whole) && /^0*$/.test(fraction ?? "");
  const sign = negative && !zero ? MINUS : "";
  return `${sign}${digits}${fraction === undefined ? "" : (language === "ru" ? "," : ".") + fraction}`;
}

/** With a fixed number of decimals, rounded half to even; unknown is a dash. */
export function fixed(value: string | Big | null | undefined, decimals: number, language: Language): string {
  if (value === null || value === undefined || value === "") return UNKNOWN;
  return grouping(new Big(value).toFixed(decimals, HALF_EVEN), language);
}

/** A price or quantity with the decimals of its step, always padded. */
export function stepped(value: string | null | undefined, step: string | undefined, language: Language): string {
  if (value === null || value === undefined || value === "") return UNKNOWN;
  const decimals = step === undefined ? 0 : decimalsOf(step);
  // An average price or a fill off today's grid keeps its own decimals: hiding them would show another number.
  const own = decimalsOf(value);
  return fixed(value, own > decimals && own <= decimals + 4 ? own : decimals, language);
}

/** An amount of the quote coin: 2 decimals, 4 when below one. */
export function amount(value: string | Big | null | undefined, language: Language): string {
  if (value === null || value === undefined || value === "") return UNKNOWN;
  const number = new Big(value);
  return fixed(number, number.eq(0) || number.abs().gte(1) ? 2 : 4, language);
}

/** With `+` or `−` before it; zero has no sign. */
export function signed(text: string): string {
  if (text === UNKNOWN || text.startsWith(MINUS)) return text;
  return /[1-9]/.test(text) ? `+${text}` : text;
}

/** A ratio (`0.0123`) as a signed percentage (`+1.23 %`). */
export function percent(ratio: string | null | undefined, language: Language, decimals = 2): string {
  if (ratio === null || ratio === undefined || ratio === "") return UNKNOWN;
  return `${signed(fixed(new Big(ratio).times(100), decimals, language))}${NARROW}%`;
}

/** `part` of `whole` in whole percent, rounded down: 99.9 % filled is not yet filled. */
export function share(part: string, whole: string): number {
  const total = new Big(whole);
  if (total.lte(0)) return 0;
  return Number(new Big(part).div(total).times(100).toFixed(0, 0));
}

/** Large numbers for headers: `1.24M` in English, `1,24 млн` in Russian; below ten thousand as they are. */
export function large(value: string | null | undefined, language: Language): string {
  if (value === null || value === undefined || value === "") return UNKNOWN;
  const number = new Big(value);
  const scales: readonly [string, string, string][] = [
    ["1000000000", "B", "млрд"],
    ["1000000", "M", "млн"],
    ["1000", "K", "тыс."],
  ];
  for (const [scale, english, russian] of scales) {
    if (number.abs().gte(scale === "1000" ? "10000" : scale)) {
      const text = fixed(number.div(scale), 2, language);
      return language === "ru" ? `${text}\u00a0${russian}` : `${text}${english}`;
    }
  }
  return fixed(number, 2, language);
}

/** Sign of a decimal string: -1, 0 or 1; unknown counts as 0. */
export function signOf(value: string | null | undefined): -1 | 0 | 1 {
  if (value === null || value === undefined || value === "") return 0;
  const number = new Big(value);
  return number.gt(0) ? 1 : number.lt(0) ? -1 : 0;
}
