/**
 * Words for what the server says in codes: problems, reasons, statuses.
 *
 * A code this page does not know is shown as it is, never swallowed; what the exchange said is quoted, not translated.
 */
import Big from "big.js";
import type { TFunction } from "i18next";
import type { Account, Fault, Order, Reason } from "../api/types";
import { NoAnswer, Refused } from "../api/errors";
import { grouping, type Language } from "../format/number";
import { filledPercent } from "../status/filled";
import { i18next } from "./index";

export type Words = TFunction<"page">;

/** For keys made of a code: the text, or null where there is none. All other keys are typed. */
export function byCode(t: Words, key: string, params: Record<string, string>): string | null {
  if (typeof i18next.getResource(i18next.language, "page", key) !== "string") return null;
  return (t as (key: string, params: Record<string, string>) => string)(key, params);
}

/** Parameters of a code with their decimals grouped for the reader. */
export function readable(params: Readonly<Record<string, unknown>>, language: Language): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    out[name] = /^-?\d+(\.\d+)?$/.test(text) ? grouping(MONEY.has(name) ? shortened(text) : text, language) : text;
  }
  return out;
}

/** Sums that were computed have more decimals than anybody reads. */
const MONEY: ReadonlySet<string> = new Set(["cost", "available"]);

function shortened(text: string): string {
  const value = new Big(text);
  return value.abs().gte(1) && text.split(".")[1] !== undefined ? value.toFixed(2) : text;
}

/** A whole sentence for a problem code. */
export function problemText(t: Words, code: string, params: Readonly<Record<string, unknown>>, language: Language): string {
  const said = readable(params, language);
  const level = said["level"];
  // A limit's level is a code too, inside the sentence.
  const words = level === undefined ? said : { ...said, level: levelName(t, level) };
  return byCode(t, `problems.${code}`, words) ?? t("problems.unknown");
}

/** The state of an order in a difference, by the exchange's word or ours; one that has no words here stands as it came. */
export function foundState(t: Words, state: string): string {
  return byCode(t, `differences.order_state.${state}`, {}) ?? state;
}

/** The sentence and the copyable code of anything that a call can throw. */
export function failureText(t: Words, error: unknown, language: Language): { text: string; code: string } {
  if (error instanceof Refused) {
    const first = error.problem.problems[0];
    const code = first?.code ?? error.problem.code;
    const text = problemText(t, code, first?.params ?? error.problem.params, language);
    const quote = error.problem.exchange?.text;
    return { text: quote ? `${text} ${t("problems.quoted", { text: quote })}` : text, code };
  }
  if (error instanceof NoAnswer) return { text: t("problems.network"), code: "network" };
  return { text: t("problems.unknown"), code: "page" };
}

/** The few words of a chip: "not enough margin", "daily loss". */
export function reasonShort(t: Words, reason: Reason | null): string {
  if (reason === null) return t("reasons.unknown");
  return byCode(t, `reasons.${reason.code}`, {}) ?? reason.exchange_text ?? t("reasons.code", { code: reason.code });
}

/** The whole reason for a popover: sentence, then the exchange's own words in quotes. */
export function reasonLong(t: Words, reason: Reason, language: Language): string {
  const sentence = problemText(t, reason.code, reason.params ?? {}, language);
  return reason.exchange_text ? `${sentence} ${t("problems.quoted", { text: reason.exchange_text })}` : sentence;
}

/** What a limit is called, and the level that says it; a name or level that this page does not know stays as it is. */
export function limitName(t: Words, name: string): string {
  return byCode(t, `ticket.limit_name.${name}`, {}) ?? name;
}

export function levelName(t: Words, level: string): string {
  return byCode(t, `standing.level_of.${level}`, {}) ?? level;
}

/** Why a link or a session is not as it should be: our sentence, its cause, then the raw words in quotes. */
export function faultText(t: Words, fault: Fault, language: Language): string {
  const params = readable(fault.params, language);
  const cause = fault.params["cause"];
  const parts = [
    byCode(t, `faults.${fault.code}`, params) ?? t("faults.unknown", { code: fault.code }),
    cause === undefined ? null : byCode(t, `faults.${cause}`, params),
    fault.detail === null ? null : t("faults.quoted", { detail: fault.detail }),
  ];
  return parts.filter((part) => part !== null).join(" ");
}

/** What an account is called. Those of the simulator are named by us, so their names are words, not data. */
export function accountName(t: Words, account: Pick<Account, "name" | "environment">): string {
  if (account.environment !== "sim") return account.name;
  const recording = /^Replay (.+)$/.exec(account.name)?.[1];
  if (recording !== undefined) return t("shell.replay_account", { recording });
  return account.name === "Simulated" ? t("shell.sim_account") : account.name;
}

type StatusOf = Pick<Order, "status" | "reason"> & Parameters<typeof filledPercent>[0];

/** The words of a status chip, by the status table of the specification. */
export function statusText(t: Words, order: StatusOf): string {
  const percent = filledPercent(order);
  switch (order.status) {
    case "refused":
      return t("status.refused", { reason: reasonShort(t, order.reason) });
    case "rejected":
      return t("status.rejected", { reason: reasonShort(t, order.reason) });
    case "partially_filled":
      return t("status.partially_filled", { percent });
    case "cancelled":
      return percent > 0 ? t("status.cancelled_part", { percent }) : t("status.cancelled");
    case "expired":
      return percent > 0 ? t("status.expired_part", { percent }) : t("status.expired");
    case "sending":
    case "not_sent":
    case "acknowledged":
    case "waiting_trigger":
    case "working":
    case "filled":
    case "cancel_requested":
    case "amend_requested":
    case "unknown":
    case "not_placed":
      return t(`status.${order.status}`);
    default:
      return unheard(order.status);
  }
}

function unheard(status: never): string {
  return String(status);
}

/** What the audit log says was done; an action that has no words here is shown as it is. */
export function auditAction(t: Words, action: string): string {
  return byCode(t, `audit.actions.${action}`, {}) ?? action;
}

export function auditGroup(t: Words, group: string): string {
  return byCode(t, `audit.groups.${group}`, {}) ?? group;
}

export function auditObject(t: Words, kind: string): string {
  return byCode(t, `audit.objects.${kind}`, {}) ?? kind;
}

export function auditOutcome(t: Words, outcome: string): string {
  return byCode(t, `audit.outcomes.${outcome}`, {}) ?? outcome;
}

/** What wanted an order, by its source. */
export function auditWhy(t: Words, source: string): string {
  return byCode(t, `audit.sources.${source}`, {}) ?? source;
}
