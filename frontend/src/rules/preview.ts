/**
 * What an order would come to: price, margin, fees, liquidation, break-even, what it risks, the position after it.
 *
 * Lives here: `previewOf` for linear contracts and spot, the page's twin of `core/preview.py`; both are held to
 * `tests/data/preview.json`. Not here: whether it may go (`place`), words and formulas (`ticket`).
 * Estimates all: the server says it better, and the exchange decides.
 */
import Big from "big.js";
import type { Instrument, Side } from "../api/types";
import { plain } from "../format/number";
import { toStepDown, toStepUp } from "./order";
import { opposite, tierOf, type Quotes } from "./parts";
import { entryPrice, type Draft } from "./place";

/** (price, size) pairs, best first. */
export type Levels = readonly (readonly string[])[];
export type Depth = { readonly bids: Levels; readonly asks: Levels };
/** The position there is; flat: no side, size zero. */
export type Holding = { readonly side: Side | null; readonly size: string; readonly entryPrice: string | null };
/** What the account brings; null where it is not known. Rates are fractions, equity is quote coin. */
export type Means = {
  readonly fees: { readonly maker: string; readonly taker: string } | null;
  readonly leverage: string | null;
  readonly marginMode: string | null;
  readonly equity: string | null;
};

/** Quote coin, and quote per base; null where it cannot be known. `cost` of a spot sell is base coin. */
export type OrderPreview = {
  readonly expectedPrice: string | null;
  readonly slippagePercent: string | null;
  readonly orderValue: string | null;
  readonly initialMargin: string | null;
  readonly openFee: string | null;
  readonly closeFee: string | null;
  readonly cost: string | null;
  readonly liquidationPrice: string | null;
  readonly liquidation: "estimate" | "account_wide" | "none";
  readonly breakEvenPrice: string | null;
  readonly riskAtStop: string | null;
  readonly riskPercent: string | null;
  readonly rewardAtTarget: string | null;
  readonly rewardPerRisk: string | null;
  readonly after: Holding | null;
  readonly bookCovers: string | null; // of a market order: how much of it the book holds within its slippage
};

export const NO_PREVIEW: OrderPreview = {
  expectedPrice: null,
  slippagePercent: null,
  orderValue: null,
  initialMargin: null,
  openFee: null,
  closeFee: null,
  cost: null,
  liquidationPrice: null,
  liquidation: "none",
  breakEvenPrice: null,
  riskAtStop: null,
  riskPercent: null,
  rewardAtTarget: null,
  rewardPerRisk: null,
  after: null,
  bookCovers: null,
};

/** Where the order is filled: the mean price, how much of it takes at once, and how far that is from the best. */
type Expected = { readonly price: Big; readonly taken: Big; readonly slippagePercent: Big | null; readonly covered: Big | null };

const HALF_EVEN = 2;
const SHOWN = 8; // decimals: nobody can read more
const ZERO = new Big(0);
const ISOLATED = "ISOLATED_MARGIN";

export function previewOf(
  instrument: Instrument,
  draft: Draft,
  quotes: Quotes,
  book: Depth | null,
  held: Holding,
  means: Means,
): OrderPreview {
  const expected = expectedOf(draft, quotes, book);
  const quantity = new Big(draft.quantity);
  if (expected === null || quantity.lte(0)) return NO_PREVIEW;
  if (draft.quantityUnit === "quote") return ofAmount(draft, quantity, expected, means);
  const { price } = expected;
  const openFee = means.fees === null ? null : openFeeOf(expected, quantity, means.fees);
  const common = {
    ...NO_PREVIEW,
    expectedPrice: shown(price),
    slippagePercent: expected.slippagePercent === null ? null : plain(expected.slippagePercent),
    orderValue: shown(quantity.times(price)),
    openFee: shown(openFee),
    bookCovers: expected.covered === null ? null : plain(expected.covered),
  };
  if (instrument.category === "spot") {
    return { ...common, cost: draft.side === "Buy" ? shown(quantity.times(draft.price ?? price)) : plain(quantity) };
  }
  const opens = draft.reduceOnly ? ZERO : max(ZERO, quantity.minus(reduced(held, draft.side)));
  const margin = means.leverage === null ? null : opens.times(price).div(means.leverage);
  const closeFee = closeFeeOf(draft.side, quantity, price, means);
  const fees = openFee === null || closeFee === null ? null : openFee.plus(closeFee);
  const cost = margin === null || openFee === null || closeFee === null ? null : margin.plus(openFee).plus(closeFee.times(opens).div(quantity));
  const after = afterOf(held, draft.side, quantity, price, draft.reduceOnly);
  const risk = draft.stopLoss === null || fees === null ? null : quantity.times(price.minus(draft.stopLoss.triggerPrice).abs()).plus(fees);
  const reward =
    draft.takeProfit === null || fees === null ? null : quantity.times(new Big(draft.takeProfit.triggerPrice).minus(price).abs()).minus(fees);
  return {
    ...common,
    initialMargin: shown(margin),
    closeFee: shown(closeFee),
    cost: shown(cost),
    ...liquidationOf(instrument, after, means),
    breakEvenPrice: breakEven(instrument, draft.side, price, quantity, fees),
    riskAtStop: shown(risk),
    riskPercent: risk === null || means.equity === null || new Big(means.equity).eq(0) ? null : shown(risk.div(means.equity).times(100)),
    rewardAtTarget: shown(reward),
    rewardPerRisk: risk === null || reward === null || risk.lte(0) ? null : shown(reward.div(risk)),
    after,
  };
}

/** A spot market order for an amount: the amount is what it costs, whatever it buys. */
function ofAmount(draft: Draft, amount: Big, expected: Expected, means: Means): OrderPreview {
  return {
    ...NO_PREVIEW,
    expectedPrice: shown(expected.price),
    orderValue: plain(amount),
    openFee: means.fees === null ? null : shown(amount.times(means.fees.taker)),
    cost: draft.side === "Buy" ? plain(amount) : null,
  };
}

function expectedOf(draft: Draft, quotes: Quotes, book: Depth | null): Expected | null {
  const quantity = new Big(draft.quantity);
  const flat = (price: string, taken: Big): Expected => ({ price: new Big(price), taken, slippagePercent: null, covered: null });
  if (draft.trigger !== null) {
    const price = entryPrice(draft, quotes);
    if (price === null || new Big(price).eq(0)) return null;
    return flat(price, draft.orderType === "Market" ? quantity : ZERO);
  }
  const best = opposite(quotes, draft.side);
  const isBuy = draft.side === "Buy";
  const levels = book === null ? [] : isBuy ? book.asks : book.bids;
  if (draft.orderType === "Limit") {
    if (draft.price === null) return null;
    const price = new Big(draft.price);
    const crosses = best !== null && (isBuy ? price.gte(best) : price.lte(best));
    if (best === null || !crosses || draft.timeInForce === "PostOnly") return flat(draft.price, ZERO);
    const [taken, paid] = walk(levels, quantity, price, isBuy);
    if (taken.eq(0)) return flat(best, quantity);
    return { price: paid.plus(quantity.minus(taken).times(price)).div(quantity), taken, slippagePercent: null, covered: null };
  }
  if (best === null || new Big(best).eq(0)) return null;
  if (draft.quantityUnit === "quote" || levels.length === 0) return flat(best, quantity);
  const bound = draft.slippagePercent === null ? null : new Big(draft.slippagePercent).div(isBuy ? 100 : -100).plus(1).times(best);
  const [taken, paid] = walk(levels, quantity, bound, isBuy);
  const price = taken.eq(0) ? new Big(best) : paid.div(taken);
  const away = price.minus(best).abs().div(best).times(100).round(4, HALF_EVEN);
  return { price, taken: quantity, slippagePercent: away, covered: taken };
}

/** What is taken (base coin) and paid (quote coin) from the best level on, not beyond `limit`. */
function walk(levels: Levels, quantity: Big, limit: Big | null, isBuy: boolean): readonly [taken: Big, paid: Big] {
  let taken = ZERO;
  let paid = ZERO;
  for (const [price = "0", size = "0"] of levels) {
    if (taken.gte(quantity) || (limit !== null && (isBuy ? limit.lt(price) : limit.gt(price)))) break;
    const left = quantity.minus(taken);
    const part = left.lt(size) ? left : new Big(size);
    taken = taken.plus(part);
    paid = paid.plus(part.times(price));
  }
  return [taken, paid];
}

function openFeeOf(expected: Expected, quantity: Big, fees: { maker: string; taker: string }): Big {
  const taken = expected.taken.lt(quantity) ? expected.taken : quantity;
  return expected.price.times(taken.times(fees.taker).plus(quantity.minus(taken).times(fees.maker)));
}

/** At the bankruptcy price: what the exchange sets aside for closing. */
function closeFeeOf(side: Side, quantity: Big, price: Big, means: Means): Big | null {
  if (means.fees === null || means.leverage === null) return null;
  const toward = new Big(side === "Buy" ? -1 : 1).div(means.leverage).plus(1);
  return quantity.times(price).times(toward).times(means.fees.taker);
}

function reduced(held: Holding, side: Side): Big {
  return held.side !== null && held.side !== side ? new Big(held.size) : ZERO;
}

/** The position once all of the order is filled. */
function afterOf(held: Holding, side: Side, quantity: Big, price: Big, reduceOnly: boolean): Holding {
  const flat: Holding = { side: null, size: "0", entryPrice: null };
  const fresh = (size: Big): Holding => ({ side, size: plain(size), entryPrice: shown(price) });
  if (held.side === null || held.entryPrice === null || new Big(held.size).eq(0)) return reduceOnly ? flat : fresh(quantity);
  const size = new Big(held.size);
  if (held.side === side) {
    if (reduceOnly) return held;
    const all = size.plus(quantity);
    const entry = size.times(held.entryPrice).plus(quantity.times(price)).div(all);
    return { side, size: plain(all), entryPrice: shown(entry) };
  }
  if (quantity.lt(size)) return { ...held, size: plain(size.minus(quantity)) };
  const rest = reduceOnly ? ZERO : quantity.minus(size);
  return rest.eq(0) ? flat : fresh(rest);
}

/** Of the position after the order. In isolated margin alone it follows from the position; else nothing is told. */
function liquidationOf(instrument: Instrument, after: Holding, means: Means): Pick<OrderPreview, "liquidation" | "liquidationPrice"> {
  if (after.side === null || after.entryPrice === null) return { liquidation: "none", liquidationPrice: null };
  if (means.marginMode !== ISOLATED) return { liquidation: "account_wide", liquidationPrice: null };
  const value = new Big(after.size).times(after.entryPrice);
  const tier = tierOf(instrument, value)?.[1];
  if (tier === undefined || means.leverage === null) return { liquidation: "estimate", liquidationPrice: null };
  const maintenance = value.times(tier.maintenance_rate).minus(tier.deduction);
  const room = value.div(means.leverage).minus(maintenance).div(after.size);
  const tick = new Big(instrument.tick_size);
  // Towards the entry: a liquidation that comes earlier than was said would be the worse surprise.
  const price = after.side === "Buy" ? toStepUp(new Big(after.entryPrice).minus(room), tick) : toStepDown(room.plus(after.entryPrice), tick);
  return { liquidation: "estimate", liquidationPrice: plain(max(ZERO, price)) };
}

function breakEven(instrument: Instrument, side: Side, price: Big, quantity: Big, fees: Big | null): string | null {
  if (fees === null) return null;
  const tick = new Big(instrument.tick_size);
  const each = fees.div(quantity);
  return plain(side === "Buy" ? toStepUp(price.plus(each), tick) : toStepDown(price.minus(each), tick));
}

function shown(value: Big | null): string | null {
  return value === null ? null : plain(value.round(SHOWN, HALF_EVEN));
}

function max(a: Big, b: Big): Big {
  return a.gte(b) ? a : b;
}
