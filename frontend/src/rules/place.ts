/**
 * What an order must meet beyond its instrument's grid: triggers, exits, slippage, what it reduces, what it costs.
 *
 * Lives here: `placeProblems` and `placeWarnings`, the page's twins of those in `core/order_rules.py`; both are held to
 * `tests/data/draft_rules.json`. Not here: grid and worth (`order`), changes of what is there (`change`), words (`i18n`).
 */
import Big from "big.js";
import type { Instrument, OrderType, Side, TimeInForce, TriggerBy } from "../api/types";
import { plain } from "../format/number";
import { orderProblems, toStepDown, toStepUp, type Finding } from "./order";
import {
  gridProblemsAt,
  liquidationProblems,
  opposite,
  priceBy,
  sideProblems,
  tierOf,
  triggerProblemsAt,
  type Quotes,
  type Standing,
} from "./parts";

export type Trigger = { readonly price: string; readonly by: TriggerBy; readonly rises: boolean };
export type Exit = { readonly triggerPrice: string; readonly triggerBy: TriggerBy; readonly limitPrice: string | null };

/** An order as it is asked for. `quantity` is base coin, or quote coin where `quantityUnit` says so. */
export type Draft = {
  readonly side: Side;
  readonly orderType: OrderType;
  readonly quantity: string;
  readonly quantityUnit: "base" | "quote";
  readonly price: string | null;
  readonly timeInForce: TimeInForce;
  readonly reduceOnly: boolean;
  readonly trigger: Trigger | null;
  readonly takeProfit: Exit | null;
  readonly stopLoss: Exit | null;
  readonly slippagePercent: string | null;
  readonly note: string | null;
};

export const NOTE_LENGTH_MAX = 64;
export const SLIPPAGE_MIN = "0.01"; // percent, the exchange's own bounds
export const SLIPPAGE_MAX = "10";
const FAR_PERCENT = 3;
const HALF_EVEN = 2;

/** Every fault of an order, in the order of the ticket's fields; empty when it may go. */
export function placeProblems(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing): Finding[] {
  const isSpot = instrument.category === "spot";
  const problems = [
    ...triggerProblems(instrument, draft, quotes),
    ...instrumentProblems(instrument, draft, quotes),
    ...timeProblems(draft),
    ...slippageProblems(draft),
  ];
  if (draft.reduceOnly && isSpot) problems.push({ code: "order.reduce_only_spot", field: "reduce_only", params: {} });
  else if (draft.reduceOnly && standing.positionSize !== null && reducible(draft.side, standing).eq(0)) {
    problems.push({ code: "order.nothing_to_reduce", field: "reduce_only", params: {} });
  }
  problems.push(...exitProblems(instrument, draft, quotes, standing));
  if (draft.note !== null && draft.note.length > NOTE_LENGTH_MAX) {
    problems.push({ code: "order.note_too_long", field: "note", params: { maximum: String(NOTE_LENGTH_MAX) } });
  }
  if (problems.length > 0 || draft.reduceOnly) return problems;
  problems.push(...tierProblems(instrument, draft, quotes, standing));
  if (isSpot && lacks(standing)) problems.push({ code: "order.available", field: "quantity", params: costParams(instrument, draft.side, standing) });
  return problems;
}

/** What is worth a word before the order is sent, and does not stop it. */
export function placeWarnings(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing): Finding[] {
  const warnings: Finding[] = [];
  if (draft.orderType === "Limit" && draft.price !== null && draft.trigger === null) {
    warnings.push(...priceWarnings(instrument, draft, new Big(draft.price), quotes));
  }
  if (draft.reduceOnly && standing.positionSize !== null) {
    const most = reducible(draft.side, standing);
    if (most.gt(0) && most.lt(draft.quantity)) {
      const params = { position: plain(most), coin: instrument.base_coin };
      warnings.push({ code: "order.reduce_only_capped", field: "quantity", params });
    }
  }
  if (instrument.category !== "spot" && !draft.reduceOnly && lacks(standing)) {
    warnings.push({ code: "order.available_low", field: "quantity", params: costParams(instrument, draft.side, standing) });
  }
  return warnings;
}

/** What the order is expected to be filled at, for judging its exits: its price, its trigger, or the market. */
export function entryPrice(draft: Pick<Draft, "side" | "orderType" | "price" | "trigger">, quotes: Quotes): string | null {
  if (draft.orderType === "Limit") return draft.price;
  return draft.trigger === null ? opposite(quotes, draft.side) : draft.trigger.price;
}

/** The lowest sell and the highest buy that the exchange lets stand, without the premium, which nobody here knows. */
function priceBand(instrument: Instrument, quotes: Quotes): readonly [lowestSell: Big, highestBuy: Big] | null {
  const { price_limit_ratio_x: x, price_limit_ratio_y: y } = instrument;
  const { mark, index } = quotes;
  if (x === null || y === null || index === null) return null;
  const around = (price: string, ratio: string, sign: 1 | -1): Big => new Big(price).times(new Big(1).plus(new Big(ratio).times(sign)));
  if (instrument.category === "spot") {
    return [max(around(index, x, -1), around(index, y, -1)), min(around(index, x, 1), around(index, y, 1))];
  }
  if (mark === null) return null;
  return [
    max(around(mark, y, -1), min(new Big(index), around(mark, x, -1))),
    min(around(mark, y, 1), max(new Big(index), around(mark, x, 1))),
  ];
}

function triggerProblems(instrument: Instrument, draft: Draft, quotes: Quotes): Finding[] {
  const { trigger } = draft;
  if (trigger === null) return [];
  if (instrument.category === "spot" && trigger.by !== "LastPrice") {
    return [{ code: "order.trigger_by_spot", field: "trigger.by", params: { value: trigger.by } }];
  }
  return triggerProblemsAt(instrument, trigger.price, priceBy(quotes, trigger.by), trigger.rises, "trigger.price");
}

function instrumentProblems(instrument: Instrument, draft: Draft, quotes: Quotes): Finding[] {
  if (draft.quantityUnit === "quote") return amountProblems(instrument, draft);
  return orderProblems(instrument, {
    side: draft.side,
    orderType: draft.orderType,
    quantity: draft.quantity,
    price: draft.price,
    referencePrice: draft.trigger === null ? (quotes.last ?? quotes.mark) : draft.trigger.price,
    reduceOnly: draft.reduceOnly,
  });
}

/** Of a spot market order that names an amount of the quote coin. */
function amountProblems(instrument: Instrument, draft: Draft): Finding[] {
  const problems: Finding[] = [];
  if (instrument.status !== "Trading") {
    problems.push({ code: "order.instrument_not_trading", field: "symbol", params: { status: instrument.status } });
  }
  if (instrument.category !== "spot" || draft.orderType !== "Market") {
    return [...problems, { code: "order.quote_unit_spot_market", field: "quantity_unit", params: {} }];
  }
  if (draft.price !== null) problems.push({ code: "order.price_not_allowed", field: "price", params: {} });
  const amount = new Big(draft.quantity);
  const value = plain(amount);
  if (amount.lte(0)) return [...problems, { code: "order.quantity_positive", field: "quantity", params: { value } }];
  const step = instrument.quote_step === null ? null : new Big(instrument.quote_step);
  if (step !== null && !amount.mod(step).eq(0)) {
    const params = { step: plain(step), value, suggestion: plain(toStepDown(amount, step)) };
    return [...problems, { code: "order.quantity_step", field: "quantity", params }];
  }
  if (amount.lt(instrument.min_notional)) {
    const params = { minimum: plain(new Big(instrument.min_notional)), value, coin: instrument.quote_coin };
    problems.push({ code: "order.notional_min", field: "quantity", params });
  }
  return problems;
}

function timeProblems(draft: Draft): Finding[] {
  if (draft.orderType !== "Market" || draft.timeInForce === "IOC") return [];
  return [{ code: "order.market_is_ioc", field: "time_in_force", params: { value: draft.timeInForce } }];
}

/** A market order says how far it may slip; the exchange has no such bound for a conditional one. */
function slippageProblems(draft: Draft): Finding[] {
  if (draft.orderType !== "Market" || draft.trigger !== null) return [];
  if (draft.slippagePercent === null) return [{ code: "order.slippage_required", field: "slippage_percent", params: {} }];
  const slippage = new Big(draft.slippagePercent);
  if (slippage.gte(SLIPPAGE_MIN) && slippage.lte(SLIPPAGE_MAX) && slippage.mod(SLIPPAGE_MIN).eq(0)) return [];
  const params = { minimum: SLIPPAGE_MIN, maximum: SLIPPAGE_MAX, value: plain(slippage) };
  return [{ code: "order.slippage_range", field: "slippage_percent", params }];
}

function exitProblems(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing): Finding[] {
  const legs = [
    ["take_profit", draft.takeProfit],
    ["stop_loss", draft.stopLoss],
  ] as const;
  const first = legs.find(([, leg]) => leg !== null)?.[0];
  if (first === undefined) return [];
  if (draft.reduceOnly) return [{ code: "order.exits_on_reduce_only", field: first, params: {} }];
  if (instrument.category === "spot" && (draft.orderType !== "Limit" || draft.trigger !== null)) {
    return [{ code: "order.exits_spot_limit", field: first, params: {} }];
  }
  const entry = entryPrice(draft, quotes);
  const isLong = draft.side === "Buy";
  const problems: Finding[] = [];
  for (const [path, leg] of legs) {
    if (leg === null) continue;
    const grid = gridProblemsAt(instrument, leg.triggerPrice, `${path}.trigger_price`);
    if (leg.limitPrice !== null) grid.push(...gridProblemsAt(instrument, leg.limitPrice, `${path}.limit_price`));
    problems.push(...grid);
    if (grid.length === 0 && entry !== null) {
      problems.push(...sideProblems(leg.triggerPrice, entry, isLong === (path === "take_profit"), `${path}.trigger_price`));
    }
  }
  if (problems.length > 0 || draft.stopLoss === null) return problems;
  return liquidationProblems(draft.stopLoss.triggerPrice, standing.liquidationPrice, isLong, "stop_loss.trigger_price");
}

/** The leverage in force must be allowed for the size that the position would have. */
function tierProblems(instrument: Instrument, draft: Draft, quotes: Quotes, standing: Standing): Finding[] {
  const entry = entryPrice(draft, quotes);
  if (entry === null || standing.leverage === null || standing.positionValue === null) return [];
  const adds = standing.positionSide === null || standing.positionSide === draft.side;
  // Against a position the order takes it off first: only what goes beyond it is a position of the other side.
  const held = new Big(standing.positionValue).times(adds ? 1 : -1);
  const value = new Big(draft.quantity).times(entry).plus(held);
  const found = tierOf(instrument, value);
  if (found === null || new Big(standing.leverage).lte(found[1].leverage_max)) return [];
  const params = { maximum: plain(new Big(found[1].leverage_max)), tier: String(found[0]), leverage: plain(new Big(standing.leverage)) };
  return [{ code: "order.tier_leverage", field: "quantity", params }];
}

function priceWarnings(instrument: Instrument, draft: Draft, price: Big, quotes: Quotes): Finding[] {
  const warnings: Finding[] = [];
  const isBuy = draft.side === "Buy";
  const best = isBuy ? quotes.ask : quotes.bid;
  if (best !== null && new Big(best).gt(0)) {
    const through = isBuy ? price.minus(best) : new Big(best).minus(price);
    if (draft.timeInForce === "PostOnly" && through.gte(0)) {
      warnings.push({ code: "order.would_execute", field: "price", params: { best: plain(new Big(best)) } });
    }
    const percent = through.div(best).times(100);
    if (percent.gt(FAR_PERCENT)) {
      warnings.push({ code: "order.far_price", field: "price", params: { percent: plain(percent.round(1, HALF_EVEN)) } });
    }
  }
  const band = priceBand(instrument, quotes);
  if (band !== null && (isBuy ? price.gt(band[1]) : price.lt(band[0]))) {
    const tick = new Big(instrument.tick_size);
    const bound = isBuy ? toStepDown(band[1], tick) : toStepUp(band[0], tick);
    warnings.push({ code: "order.price_band", field: "price", params: { bound: plain(bound), value: plain(price) } });
  }
  return warnings;
}

/** How much of the position an order of this side takes off (base coin). */
function reducible(side: Side, standing: Standing): Big {
  if (standing.positionSide === null || standing.positionSide === side) return new Big(0);
  return new Big(standing.positionSize ?? 0);
}

function lacks(standing: Standing): boolean {
  return standing.cost !== null && standing.available !== null && new Big(standing.cost).gt(standing.available);
}

function costParams(instrument: Instrument, side: Side, standing: Standing): Record<string, string> {
  const coin = instrument.category === "spot" && side === "Sell" ? instrument.base_coin : instrument.quote_coin;
  return { cost: plain(new Big(standing.cost ?? 0)), available: plain(new Big(standing.available ?? 0)), coin };
}

function max(a: Big, b: Big): Big {
  return a.gte(b) ? a : b;
}

function min(a: Big, b: Big): Big {
  return a.lte(b) ? a : b;
}
