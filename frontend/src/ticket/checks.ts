/**
 * What stands in the way of sending a ticket, in the order in which a person would fix it.
 *
 * Lives here: reading of the typed fields, the exchange's rules, and the state of the links put together.
 * Not here: the rules themselves (`rules/order`), words (`i18n`).
 */
import Big from "big.js";
import type { Instrument, PlaceIntent, Ticker } from "../api/types";
import { parseDecimal, twoReadings, type Language } from "../format/number";
import { orderProblems, type Finding } from "../rules/order";
import type { Ticket, TicketFields } from "./state";

export type FieldState =
  | { readonly kind: "empty" }
  | { readonly kind: "not_a_number"; readonly typed: string }
  /** A price that could be a thousand times another: the person says which, never we. */
  | { readonly kind: "ambiguous"; readonly typed: string; readonly readings: readonly string[] }
  | { readonly kind: "number"; readonly value: string };

export type Surroundings = {
  readonly instrument: Instrument | null;
  readonly ticker: Ticker | null;
  /** While reconnecting, what reduces still goes: it is sent over HTTP. */
  readonly link: "up" | "reconnecting" | "down";
  /** The exchange link of the server: `old` when prices can no longer be trusted. */
  readonly prices: "fresh" | "old";
  readonly account: "ready" | "loading" | "not_ready";
  readonly mayTrade: boolean;
  readonly acceptsOldPrice: boolean;
  readonly language: Language;
};

export type Block =
  | { readonly kind: "viewer" | "link" | "instrument" | "account_loading" | "account" | "stale_market" | "stale_limit" | "price" | "quantity" }
  | { readonly kind: "not_a_number" | "ambiguous"; readonly field: "price" | "quantity"; readonly typed: string }
  | { readonly kind: "rule"; readonly problem: Finding };

export type Checked = {
  readonly price: FieldState;
  readonly quantity: FieldState;
  readonly problems: readonly Finding[];
  /** The first reason why this cannot be sent; null when it can. */
  readonly block: Block | null;
  /** Worth in the quote coin; null while something is missing. */
  readonly value: string | null;
  readonly expectedPrice: string | null;
  readonly warnings: readonly ("far_price" | "would_execute")[];
  readonly farPercent: string | null;
};

const FAR_PERCENT = 3;

export function readField(typed: string, language: Language): FieldState {
  if (typed.trim() === "") return { kind: "empty" };
  const readings = twoReadings(typed, language);
  if (readings !== null) return { kind: "ambiguous", typed, readings };
  const value = parseDecimal(typed);
  return value === null ? { kind: "not_a_number", typed } : { kind: "number", value };
}

/** Best opposite price, else the last one: what a market order is expected to meet. */
export function opposite(ticker: Ticker | null, side: "Buy" | "Sell"): string | null {
  if (ticker === null) return null;
  return (side === "Buy" ? ticker.ask_price : ticker.bid_price) ?? ticker.last_price;
}

export function check(ticket: Ticket, around: Surroundings): Checked {
  const { fields } = ticket;
  const isLimit = fields.orderType === "Limit";
  const price = isLimit ? readField(fields.price, around.language) : ({ kind: "empty" } as const);
  const quantity = readField(fields.quantity, around.language);
  const problems = around.instrument === null ? [] : ruleProblems(around.instrument, fields, price, quantity, around.ticker);
  const expectedPrice = isLimit ? (price.kind === "number" ? price.value : null) : opposite(around.ticker, fields.side);
  const value =
    quantity.kind === "number" && expectedPrice !== null ? new Big(quantity.value).times(expectedPrice).toFixed() : null;
  const { warnings, farPercent } = priceWarnings(fields, price, around.ticker);
  return { price, quantity, problems, expectedPrice, value, warnings, farPercent, block: firstBlock(fields, price, quantity, problems, around) };
}

function ruleProblems(
  instrument: Instrument,
  fields: TicketFields,
  price: FieldState,
  quantity: FieldState,
  ticker: Ticker | null,
): Finding[] {
  const isLimit = fields.orderType === "Limit";
  const all = orderProblems(instrument, {
    side: fields.side,
    orderType: fields.orderType,
    price: isLimit && price.kind === "number" ? price.value : null,
    quantity: quantity.kind === "number" ? quantity.value : "0",
    referencePrice: ticker?.last_price ?? ticker?.mark_price ?? null,
    reduceOnly: fields.reduceOnly,
  });
  // An untouched field is not faulty yet: it only keeps the button closed.
  return all.filter(
    (problem) =>
      problem.field === "symbol" ||
      (problem.field === "price" && price.kind === "number") ||
      (problem.field === "quantity" && quantity.kind === "number"),
  );
}

function firstBlock(
  fields: TicketFields,
  price: FieldState,
  quantity: FieldState,
  problems: readonly Finding[],
  around: Surroundings,
): Block | null {
  if (!around.mayTrade) return { kind: "viewer" };
  if (around.link === "down" || (around.link === "reconnecting" && !fields.reduceOnly)) return { kind: "link" };
  if (around.instrument === null) return { kind: "instrument" };
  if (around.account === "loading") return { kind: "account_loading" };
  if (around.account === "not_ready" && !fields.reduceOnly) return { kind: "account" };
  const untradable = problems.find((problem) => problem.field === "symbol");
  if (untradable !== undefined) return { kind: "rule", problem: untradable };
  if (fields.orderType === "Limit") {
    if (price.kind === "empty") return { kind: "price" };
    if (price.kind !== "number") return { kind: price.kind, field: "price", typed: price.typed };
    const faulty = problems.find((problem) => problem.field === "price");
    if (faulty !== undefined) return { kind: "rule", problem: faulty };
  }
  if (quantity.kind === "empty") return { kind: "quantity" };
  if (quantity.kind !== "number") return { kind: quantity.kind, field: "quantity", typed: quantity.typed };
  const first = problems[0];
  if (first !== undefined) return { kind: "rule", problem: first };
  if (around.prices === "old" && !fields.reduceOnly) {
    if (fields.orderType === "Market") return { kind: "stale_market" };
    if (!around.acceptsOldPrice) return { kind: "stale_limit" };
  }
  return null;
}

function priceWarnings(
  fields: TicketFields,
  price: FieldState,
  ticker: Ticker | null,
): { warnings: ("far_price" | "would_execute")[]; farPercent: string | null } {
  if (fields.orderType !== "Limit" || price.kind !== "number") return { warnings: [], farPercent: null };
  const best = fields.side === "Buy" ? (ticker?.ask_price ?? null) : (ticker?.bid_price ?? null);
  if (best === null || new Big(best).lte(0)) return { warnings: [], farPercent: null };
  const through = fields.side === "Buy" ? new Big(price.value).minus(best) : new Big(best).minus(price.value);
  const warnings: ("far_price" | "would_execute")[] = [];
  if (fields.timeInForce === "PostOnly" && through.gte(0)) warnings.push("would_execute");
  const percent = through.div(best).times(100);
  if (percent.lte(FAR_PERCENT)) return { warnings, farPercent: null };
  return { warnings: [...warnings, "far_price"], farPercent: percent.toFixed(1) };
}

/** The intent to send, or null while something is in the way. */
export function intentOf(ticket: Ticket, checked: Checked, instrument: Instrument): PlaceIntent | null {
  const { fields } = ticket;
  if (checked.block !== null || checked.quantity.kind !== "number") return null;
  const isLimit = fields.orderType === "Limit";
  return {
    id: ticket.intentId,
    kind: "place",
    category: instrument.category,
    symbol: instrument.symbol,
    side: fields.side,
    order_type: fields.orderType,
    quantity: checked.quantity.value,
    quantity_unit: "base",
    slippage_percent: isLimit ? null : "0.5",
    price: isLimit && checked.price.kind === "number" ? checked.price.value : null,
    time_in_force: isLimit ? fields.timeInForce : "IOC",
    reduce_only: fields.reduceOnly,
    note: fields.note.trim() === "" ? null : fields.note.trim(),
  };
}

/** One step up or down from what is typed, kept on the grid; from an empty field it starts at `start`. */
export function stepped(typed: string, step: string, steps: number, start: string | null): string | null {
  const value = parseDecimal(typed) ?? start;
  if (value === null) return null;
  const grid = new Big(step);
  const moved = new Big(value).plus(grid.times(steps));
  const snapped = moved.div(grid).round(0, steps > 0 ? 0 : 3).times(grid);
  return snapped.lt(0) ? "0" : snapped.toFixed();
}
