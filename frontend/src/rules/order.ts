/**
 * What an order must meet by its instrument's rules, judged while somebody types.
 *
 * Lives here: `orderProblems`, the page's twin of `order_problems` in `core/instrument.py`: same codes, same order, same
 * parameters; both are held to `tests/data/order_rules.json`.
 * Not here: the words (`i18n`), the form (`ticket`). The server judges again and its answer counts.
 */
import Big from "big.js";
import type { Instrument, OrderType, Side } from "../api/types";
import { plain } from "../format/number";

/** Something wrong or worth a word: a code with words in `i18n`, the path of its field, and what the words need. */
export type Finding = {
  readonly code: string;
  readonly field: string;
  readonly params: Readonly<Record<string, string>>;
};

/** Prices are quote per base, quantities base; `referencePrice` values a market order and may be unknown. */
export type OrderDraft = {
  readonly side: Side;
  readonly orderType: OrderType;
  readonly quantity: string;
  readonly price: string | null;
  readonly referencePrice: string | null;
  readonly reduceOnly: boolean;
};

const DOWN = 0;
const UP = 3;

/** Largest multiple of `step` not above a positive `value`. */
export function toStepDown(value: Big, step: Big): Big {
  return onGrid(value, step, DOWN);
}

/** Smallest multiple of `step` not below a positive `value`. */
export function toStepUp(value: Big, step: Big): Big {
  return onGrid(value, step, UP);
}

function onGrid(value: Big, step: Big, rounding: 0 | 3): Big {
  const rest = value.mod(step);
  if (rest.eq(0)) return value;
  const below = value.minus(rest);
  return rounding === UP ? below.plus(step) : below;
}

/** Every fault of an order in the order of the ticket's fields; empty when it fits. */
export function orderProblems(instrument: Instrument, order: OrderDraft): Finding[] {
  const problems: Finding[] = [];
  if (instrument.status !== "Trading") {
    problems.push({ code: "order.instrument_not_trading", field: "symbol", params: { status: instrument.status } });
  }
  if (order.orderType === "Limit") problems.push(...priceProblems(instrument, order.side, order.price));
  else if (order.price !== null) problems.push({ code: "order.price_not_allowed", field: "price", params: {} });
  problems.push(...quantityProblems(instrument, order.orderType, order.quantity));
  const valuedAt = order.orderType === "Limit" ? order.price : order.referencePrice;
  if (problems.length === 0 && valuedAt !== null && !order.reduceOnly) {
    const notional = new Big(order.quantity).times(valuedAt);
    if (notional.lt(instrument.min_notional)) {
      const params = { minimum: text(instrument.min_notional), value: plain(notional), coin: instrument.quote_coin };
      problems.push({ code: "order.notional_min", field: "quantity", params });
    }
  }
  return problems;
}

/** The first fault of a price, or none. The suggestion is on the passive side, so that it never costs more than was typed. */
export function priceProblems(instrument: Instrument, side: Side, typed: string | null): Finding[] {
  const problem = (code: string, params: Record<string, string>): Finding[] => [{ code, field: "price", params }];
  if (typed === null) return problem("order.price_required", {});
  const price = new Big(typed);
  const value = plain(price);
  if (price.lte(0)) return problem("order.price_positive", { value });
  if (price.lt(instrument.min_price) || price.gt(instrument.max_price)) {
    return problem("order.price_range", { minimum: text(instrument.min_price), maximum: text(instrument.max_price), value });
  }
  const tick = new Big(instrument.tick_size);
  if (!price.mod(tick).eq(0)) {
    const nearest = side === "Buy" ? toStepDown(price, tick) : toStepUp(price, tick);
    return problem("order.price_tick", { tick: plain(tick), value, suggestion: plain(nearest) });
  }
  return [];
}

/** The first fault of a quantity in base coin, or none. */
export function quantityProblems(instrument: Instrument, orderType: OrderType, typed: string): Finding[] {
  const problem = (code: string, params: Record<string, string>): Finding[] => [{ code, field: "quantity", params }];
  const quantity = new Big(typed);
  const value = plain(quantity);
  const coin = instrument.base_coin;
  const maximum = orderType === "Market" ? instrument.max_market_quantity : instrument.max_limit_quantity;
  if (quantity.lte(0)) return problem("order.quantity_positive", { value });
  if (quantity.lt(instrument.min_quantity)) {
    return problem("order.quantity_min", { minimum: text(instrument.min_quantity), value, coin });
  }
  if (quantity.gt(maximum)) return problem("order.quantity_max", { maximum: text(maximum), value, coin });
  const step = new Big(instrument.quantity_step);
  if (!quantity.mod(step).eq(0)) {
    return problem("order.quantity_step", { step: plain(step), value, suggestion: plain(toStepDown(quantity, step)) });
  }
  return [];
}

function text(decimal: string): string {
  return plain(new Big(decimal));
}
