/** A notification in words. The server sends kinds and parameters; what is not known here is shown as it came. */
import type { Notification } from "../api/notifications";
import type { Language } from "../format/number";
import { readable, type Words } from "../i18n/words";
import { i18next } from "../i18n";

/** Parameters that are words themselves. */
const CODED: ReadonlySet<string> = new Set(["side", "direction", "price_by", "news", "scope", "state", "status", "closes"]);

function byCode(t: Words, key: string, params: Record<string, unknown>): string | null {
  if (typeof i18next.getResource(i18next.language, "page", key) !== "string") return null;
  return (t as (key: string, params: Record<string, unknown>) => string)(key, params);
}

/** Nothing where the sentence names what is not told here: the object's own page says it. */
function whole(t: Words, key: string, params: Record<string, unknown>): string | null {
  const raw: unknown = i18next.getResource(i18next.language, "page", key);
  if (typeof raw !== "string") return null;
  const names = [...raw.matchAll(/\{\{(\w+)/g)].map((found) => found[1] ?? "");
  return names.every((name) => name in params) ? byCode(t, key, params) : "";
}

function filled(t: Words, told: Notification, language: Language): Record<string, unknown> {
  const said: Record<string, unknown> = readable(told.params, language);
  for (const [name, value] of Object.entries(told.params)) {
    if (CODED.has(name)) said[name] = byCode(t, `news.value.${value}`, {}) ?? value;
  }
  const code = told.params["code"];
  // Why an order failed or a run ended is a reason with words of its own.
  said["why"] = code === undefined || code === "" ? "" : (byCode(t, `reasons.${code}`, said) ?? whole(t, `runs.reason.${code}`, said) ?? code);
  return { ...said, merged: told.merged };
}

/** One line that says what happened. */
export function newsTitle(t: Words, told: Notification, language: Language): string {
  const many = told.merged > 1 ? byCode(t, `news.many.${told.kind}`, filled(t, told, language)) : null;
  return many ?? byCode(t, `news.title.${told.kind}`, filled(t, told, language)) ?? told.kind;
}

/** What else there is to say, if anything. */
export function newsText(t: Words, told: Notification, language: Language): string {
  return (byCode(t, `news.text.${told.kind}`, filled(t, told, language)) ?? "").trim().replace(/ ·$/, "");
}

/** The account and its environment: demo money must not be taken for real. */
export function newsPlace(told: Notification): string {
  return [told.params["account"], told.params["environment"]?.toUpperCase()].filter(Boolean).join(" · ");
}
