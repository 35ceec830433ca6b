/**
 * What the wizard holds while a bot is made or changed: typed text as it was typed, and what of it is saved already.
 *
 * Lives here: `Draft`, what is wrong with it field by field, what is asked of it. Not here: keeping it (`keeping`), the
 * steps. The server checks everything again; here stands what a person can be told while typing.
 */
import Big from "big.js";
import type { Bot, BotLimits, BotSettings, ParamValue, SpecChecked } from "../../api/types";
import { parseDecimal } from "../../format/number";

export const STEPS = ["strategy", "market", "params", "limits", "start"] as const;
export type Step = (typeof STEPS)[number];

export const MINUTE_MS = 60_000;
export const MINUTES_MAX = 10_080;
export const MINUTES = [5, 15, 60, 240] as const;
const ORDERS_MAX = 600;
const NAME_MAX = 80;

export type Source = "template" | "saved" | "text";

/** Which text is kept under which version: another text is not. */
export type Kept = { readonly text: string; readonly versionId: string; readonly strategyId: string; readonly number: number };

export type Draft = {
  readonly source: Source;
  readonly template: string | null;
  /** The strategy, whatever its source. */
  readonly text: string;
  readonly kept: Kept | null;
  readonly accountId: string | null;
  readonly symbol: string | null;
  /** Typed, by the name of the param; what is not here is the strategy's own value. */
  readonly params: Readonly<Record<string, string>>;
  readonly minutes: string;
  readonly capital: string;
  readonly maxLoss: string;
  readonly maxPosition: string;
  readonly maxOrders: string;
  readonly atEnd: "keep" | "close";
  readonly name: string;
  /** The bot whose settings these are: `version` of its row as it was known last, `mark` of what it has; null: not looked at. */
  readonly bot: { readonly id: string; readonly version: number; readonly mark: string | null } | null;
  /** Ids for what is made next: sent again after a lost answer, they make nothing twice. */
  readonly ids: { readonly bot: string; readonly strategy: string; readonly run: string };
};

export const fresh = (newId: () => string): Draft => ({
  source: "template",
  template: null,
  text: "",
  kept: null,
  accountId: null,
  symbol: null,
  params: {},
  minutes: "15",
  capital: "1000",
  maxLoss: "",
  maxPosition: "",
  maxOrders: "60",
  atEnd: "close",
  name: "",
  bot: null,
  ids: { bot: newId(), strategy: newId(), run: newId() },
});

/** A bot's settings as a draft of what they may become. `text` is of its spec version. */
export function ofBot(bot: Bot, text: string, newId: () => string): Draft {
  const empty = { ...fresh(newId), name: bot.name, bot: { id: bot.id, version: bot.version, mark: null } };
  const { current } = bot;
  if (current === null) return empty;
  const draft: Draft = {
    ...empty,
    source: "saved",
    text,
    kept: { text, versionId: current.spec.version_id, strategyId: current.spec.strategy_id, number: current.spec.number },
    accountId: current.account_id,
    symbol: current.symbol,
    params: Object.fromEntries(current.params.map(({ name, value }) => [name, value])),
    minutes: String(Math.round(current.duration_ms / MINUTE_MS)),
    capital: current.capital,
    maxLoss: current.limits.max_loss,
    maxPosition: current.limits.max_position ?? "",
    maxOrders: String(current.limits.max_orders_a_minute),
    atEnd: current.at_end,
  };
  return draft;
}

/** Whole minutes from 1 to a week; null: they are none. */
export function minutesIn(typed: string): number | null {
  const text = typed.replace(/[\s\u202f\u00a0]/g, "");
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= MINUTES_MAX ? value : null;
}

/** A number above zero as a plain decimal; null: it is none. */
export function positive(typed: string): string | null {
  const value = parseDecimal(typed);
  return value !== null && new Big(value).gt(0) ? value : null;
}

export type FieldName = "minutes" | "capital" | "maxLoss" | "maxPosition" | "maxOrders";

/** What is wrong with the limits: by field, the key of the words in `bots.wizard`. */
export function limitFaults(draft: Draft): Readonly<Partial<Record<FieldName, LimitFault>>> {
  const capital = positive(draft.capital);
  const maxLoss = positive(draft.maxLoss);
  const isAbove = capital !== null && maxLoss !== null && new Big(maxLoss).gt(capital);
  const orders = /^\d{1,3}$/.test(draft.maxOrders.trim()) ? Number(draft.maxOrders) : 0;
  return {
    ...(minutesIn(draft.minutes) === null ? { minutes: "minutes_wrong" as const } : {}),
    ...(capital === null ? { capital: "capital_wrong" as const } : {}),
    ...(draft.maxLoss.trim() === "" ? { maxLoss: "max_loss_missing" as const } : maxLoss === null || isAbove ? { maxLoss: "max_loss_wrong" as const } : {}),
    ...(draft.maxPosition.trim() !== "" && positive(draft.maxPosition) === null ? { maxPosition: "max_position_wrong" as const } : {}),
    ...(orders < 1 || orders > ORDERS_MAX ? { maxOrders: "max_orders_wrong" as const } : {}),
  };
}

export type LimitFault = "minutes_wrong" | "capital_wrong" | "max_loss_missing" | "max_loss_wrong" | "max_position_wrong" | "max_orders_wrong";

/** As the server takes a name: printable, without blanks at its ends. */
export function isName(name: string): boolean {
  return name.length >= 1 && name.length <= NAME_MAX && name === name.trim() && ![...name].some((each) => each < " " || each === "\u007f");
}

/** Params that differ from the strategy's own values (`own`), as they are sent; one that is no number is left out. */
export function paramsOf(draft: Draft, own: readonly ParamValue[]): readonly ParamValue[] {
  return own.flatMap(({ name, value }) => {
    const typed = draft.params[name];
    const number = typed === undefined ? null : parseDecimal(typed);
    return number === null || new Big(number).eq(value) ? [] : [{ name, value: number }];
  });
}

export function paramFaults(draft: Draft, own: readonly ParamValue[]): readonly string[] {
  return own.filter(({ name }) => draft.params[name] !== undefined && parseDecimal(draft.params[name] ?? "") === null).map(({ name }) => name);
}

/** Whether a step has all that it asks for. `checked` is of the text alone, with the strategy's own values. */
export function isDone(draft: Draft, step: Step, checked: SpecChecked | undefined): boolean {
  const spec = checked?.spec ?? null;
  switch (step) {
    case "strategy":
      return spec !== null;
    case "market":
      return draft.accountId !== null && (draft.symbol ?? spec?.symbol ?? "") !== "";
    case "params":
      return spec !== null && paramFaults(draft, spec.params).length === 0;
    case "limits":
      return Object.keys(limitFaults(draft)).length === 0;
    case "start":
      return isName(draft.name);
    default:
      return never(step);
  }
}

function never(step: never): never {
  throw new Error(`no such step: ${String(step)}`);
}

/** The first step that lacks something before `wanted`; `wanted` where none does. */
export function reachable(draft: Draft, wanted: Step, checked: SpecChecked | undefined): Step {
  return STEPS.slice(0, STEPS.indexOf(wanted)).find((step) => !isDone(draft, step, checked)) ?? wanted;
}

/** What is asked for the bot; null while a step lacks something. */
export function settingsOf(draft: Draft, checked: SpecChecked | undefined, versionId: string): BotSettings | null {
  const spec = checked?.spec ?? null;
  const [capital, maxLoss, minutes] = [positive(draft.capital), positive(draft.maxLoss), minutesIn(draft.minutes)];
  if (spec === null || draft.accountId === null || capital === null || maxLoss === null || minutes === null) return null;
  if (STEPS.slice(0, -1).some((step) => !isDone(draft, step, checked))) return null;
  const limits: BotLimits = {
    max_loss: maxLoss,
    max_position: draft.maxPosition.trim() === "" ? null : positive(draft.maxPosition),
    max_orders_a_minute: Number(draft.maxOrders),
  };
  return {
    spec_version_id: versionId,
    params: [...paramsOf(draft, spec.params)],
    account_id: draft.accountId,
    category: spec.category,
    symbol: draft.symbol ?? spec.symbol,
    capital,
    limits,
    duration_ms: minutes * MINUTE_MS,
    at_end: draft.atEnd,
  };
}

/** What settings are, for telling whether they are still those that were saved; the name is part of it. */
export function markOf(draft: Draft, settings: BotSettings): string {
  return JSON.stringify([draft.name, draft.text, { ...settings, spec_version_id: "" }]);
}

export function isTextKept(draft: Draft): boolean {
  return draft.kept !== null && draft.kept.text === draft.text;
}
