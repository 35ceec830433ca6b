/**
 * What stands in the way of sending a ticket, in the order in which a person would fix it.
 *
 * Lives here: the rules' findings, the state of the links and of the account put together.
 * Not here: the rules themselves (`rules`), what the ticket asks for (`asked`), words (`i18n`).
 */
import Big from "big.js";
import type { Account, Instrument, Preview, Ticker } from "../api/types";
import type { Language } from "../format/number";
import type { Finding } from "../rules/order";
import { quotesOf } from "../rules/parts";
import { placeProblems, placeWarnings } from "../rules/place";
import type { Depth } from "../rules/preview";
import type { Bar } from "../standing/bar";
import { askedOf, type Asked, type Facts } from "./asked";
import { isConditional } from "./fields";
import { PATHS, type FieldState, type Path } from "./reading";
import type { Ticket } from "./state";

export type Surroundings = {
  readonly instrument: Instrument;
  readonly ticker: Ticker | null;
  readonly book: Depth | null;
  readonly facts: Facts;
  readonly can: Account["capabilities"];
  /** While reconnecting, what reduces still goes: it is sent over HTTP. */
  readonly link: "up" | "reconnecting" | "down";
  /** The exchange link of the server: `old` when prices can no longer be trusted. */
  readonly prices: "fresh" | "old";
  readonly account: "ready" | "loading" | "not_ready";
  readonly bar: Bar | null;
  readonly acceptsOldPrice: boolean;
  readonly language: Language;
};

export type Block =
  | { readonly kind: Bar | "link" | "account_loading" | "account" | "stale_market" | "stale_limit" | "no_exits" | "no_trigger_price" }
  | { readonly kind: "cannot"; readonly what: "linear" | "spot" | "conditional" | "exits" }
  | { readonly kind: "empty"; readonly field: Path }
  | { readonly kind: "not_a_number" | "ambiguous"; readonly field: Path; readonly typed: string }
  | { readonly kind: "rule"; readonly finding: Finding };

export type Checked = {
  readonly asked: Asked;
  /** Faults of what is typed; untouched fields have none yet. */
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** The first reason why this cannot be sent; null when it can. */
  readonly block: Block | null;
};

/** `server`: what it said of exactly these fields; it knows better than the page. */
export function check(ticket: Ticket, around: Surroundings, server: Preview | null = null): Checked {
  const { instrument, language } = around;
  const quotes = quotesOf(around.ticker);
  const asked = withServerSize(askedOf(ticket.fields, instrument, quotes, around.book, around.facts, language), server);
  const found = server === null ? placeProblems(instrument, asked.draft, quotes, asked.standing) : server.problems;
  const gapped = new Set(asked.gaps.map((gap) => spotOf(gap.field)));
  // A size that cannot be worked out stands in the draft as zero, which is nobody's fault.
  if (asked.sized?.kind === "missing") gapped.add("quantity");
  // An untouched field is not faulty yet: it only keeps the button closed. What could not be worked out is said by its gap.
  const problems = [...asked.gaps, ...found.filter((each) => isTyped(asked, each.field) && !gapped.has(spotOf(each.field)))];
  const warnings = server === null ? [...placeWarnings(instrument, asked.draft, quotes, asked.standing), ...thinBook(asked, instrument)] : server.warnings;
  return { asked, problems, warnings, block: firstBlock(ticket, asked, problems, around) };
}

/** What an amount, a share or a risk comes to: the server's word, where it has one. What is sent is what is shown. */
function withServerSize(asked: Asked, server: Preview | null): Asked {
  const quantity = server?.quantity ?? null;
  if (quantity === null || asked.unit === "base" || asked.draft.quantityUnit === "quote") return asked;
  const gaps = asked.gaps.filter((gap) => !gap.code.startsWith("sizing."));
  return { ...asked, gaps, sized: { kind: "quantity", quantity }, draft: { ...asked.draft, quantity } };
}

/** Where a finding is told: its own field, or the one that stands for its group. */
export function spotOf(field: string): string {
  switch (field) {
    case "trigger":
    case "trigger.by":
      return "trigger.price";
    case "quantity_unit":
      return "quantity";
    case "take_profit":
    case "stop_loss":
      return `${field}.trigger_price`;
    default:
      return field.replace(/^(take_profit|stop_loss)\.trigger_by$/, "$1.trigger_price");
  }
}

function isTyped(asked: Asked, field: string): boolean {
  const spot = spotOf(field);
  if (!isPath(spot)) return true;
  const reading = asked.readings[spot];
  return reading === undefined || reading.kind === "number" || field === "take_profit" || field === "stop_loss";
}

function isPath(field: string): field is Path {
  return PATHS.some((path) => path === field);
}

/** The book as it is seen holds less, within the slippage, than a market order wants. */
function thinBook(asked: Asked, instrument: Instrument): Finding[] {
  const { bookCovers } = asked.preview;
  const { slippagePercent, quantity, quantityUnit } = asked.draft;
  if (bookCovers === null || slippagePercent === null || quantityUnit === "quote" || new Big(bookCovers).gte(quantity)) return [];
  const params = { covered: bookCovers, coin: instrument.base_coin, percent: slippagePercent };
  return [{ code: "order.book_depth", field: "slippage_percent", params }];
}

function firstBlock(ticket: Ticket, asked: Asked, problems: readonly Finding[], around: Surroundings): Block | null {
  const { fields } = ticket;
  const reduces = fields.reduceOnly;
  if (around.bar !== null) return { kind: around.bar };
  if (around.link === "down" || (around.link === "reconnecting" && !reduces)) return { kind: "link" };
  if (around.account === "loading") return { kind: "account_loading" };
  if (around.account === "not_ready" && !reduces) return { kind: "account" };
  const lacking = lacks(ticket, around);
  if (lacking !== null) return { kind: "cannot", what: lacking };
  const untradable = problems.find((each) => each.field === "symbol");
  if (untradable !== undefined) return { kind: "rule", finding: untradable };
  for (const path of PATHS) {
    const block = fieldBlock(path, asked, problems, ticket);
    if (block !== null) return block;
  }
  if (fields.exits && !reduces && asked.draft.takeProfit === null && asked.draft.stopLoss === null) return { kind: "no_exits" };
  const first = problems[0];
  if (first !== undefined) return { kind: "rule", finding: first };
  if (around.prices === "old" && !reduces) {
    if (fields.kind === "Market") return { kind: "stale_market" };
    if (!around.acceptsOldPrice) return { kind: "stale_limit" };
  }
  return null;
}

function lacks(ticket: Ticket, { can, instrument }: Surroundings): "linear" | "spot" | "conditional" | "exits" | null {
  if (instrument.category === "spot" ? !can.can_trade_spot : !can.can_trade_linear) return instrument.category;
  if (isConditional(ticket.fields.kind) && !can.can_place_conditional) return "conditional";
  return ticket.fields.exits && !ticket.fields.reduceOnly && !can.can_attach_exits ? "exits" : null;
}

function fieldBlock(path: Path, asked: Asked, problems: readonly Finding[], ticket: Ticket): Block | null {
  const field: FieldState | undefined = asked.readings[path];
  if (field === undefined) return null;
  // One leg of two may stay empty; both empty is told by its own reason.
  if (field.kind === "empty") return path.endsWith(".trigger_price") || idleLimit(path, asked) ? null : { kind: "empty", field: path };
  if (field.kind !== "number") return { kind: field.kind, field: path, typed: field.typed };
  if (path === "trigger.price" && asked.trigger === null) return { kind: "no_trigger_price" };
  const finding = problems.find((each) => spotOf(each.field) === path);
  if (finding !== undefined) return { kind: "rule", finding };
  // Reduce-only stands after the quantity in the form, and has no text of its own.
  const reducing = path === "quantity" && ticket.fields.reduceOnly ? problems.find((each) => each.field === "reduce_only") : undefined;
  return reducing === undefined ? null : { kind: "rule", finding: reducing };
}

/** The limit of an exit that is not asked for. */
function idleLimit(path: Path, asked: Asked): boolean {
  return (
    (path === "take_profit.limit_price" && asked.readings["take_profit.trigger_price"]?.kind === "empty") ||
    (path === "stop_loss.limit_price" && asked.readings["stop_loss.trigger_price"]?.kind === "empty")
  );
}
