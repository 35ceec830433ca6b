/**
 * How much a wish comes to: an amount, a share of what is available, or what may be lost, as a quantity on the step.
 *
 * Lives here: `quantityOf`, the page's twin of `core/sizing.py`; both are held to `tests/data/sizing.json`.
 * Not here: what the order then costs (`preview`), whether it may go (`place`).
 * Everything is rounded down: a wish never comes to more than was asked.
 */
import Big from "big.js";
import type { Instrument, OrderType, Side, SizingUnit } from "../api/types";
import { plain } from "../format/number";
import { toStepDown, type Finding } from "./order";

/** What a wish is judged by; null where it is not known. */
export type Sizing = {
  readonly side: Side;
  readonly orderType: OrderType;
  readonly price: string | null; // what the order is expected to be filled at
  readonly slippagePercent: string | null; // of a market order: the worst price is what must be paid for
  readonly stopLoss: string | null;
  readonly reduceOnly: boolean;
  readonly available: string | null; // in the coin that the order costs: quote coin, for a spot sell base coin
  readonly reducible: string | null; // base coin
  readonly leverage: string | null;
  readonly takerRate: string;
};

export type Sized = { readonly kind: "quantity"; readonly quantity: string } | { readonly kind: "missing"; readonly finding: Finding };

/** The quantity in base coin; zero says that the wish is too small. A spot market buy for an amount is not asked here. */
export function quantityOf(instrument: Instrument, unit: SizingUnit, typed: string, by: Sizing): Sized {
  const value = new Big(typed);
  if (value.lte(0) || (unit === "percent" && value.gt(100))) {
    return missing("sizing.range", "quantity", { unit, maximum: unit === "percent" ? "100" : "" });
  }
  switch (unit) {
    case "base":
      return { kind: "quantity", quantity: plain(value) };
    case "quote":
      return by.price === null || new Big(by.price).eq(0) ? missing("sizing.needs_price", "price") : down(instrument, value.div(by.price));
    case "percent":
      return share(instrument, value.div(100), by);
    case "risk":
      return atRisk(instrument, value, by);
    default:
      return unheard(unit);
  }
}

/** Of one base coin of a linear contract bought or sold at `price`: fees of opening and closing, and initial margin. */
function feeAndMargin(price: Big, by: Sizing, leverage: string): readonly [fees: Big, margin: Big] {
  const toward = new Big(by.side === "Buy" ? -1 : 1).div(leverage);
  const bankruptcy = price.times(toward.plus(1));
  return [price.plus(bankruptcy).times(by.takerRate), price.div(leverage)];
}

function share(instrument: Instrument, part: Big, by: Sizing): Sized {
  if (by.reduceOnly) {
    if (by.reducible === null) return missing("sizing.needs_position", "quantity");
    // All of it is all of it, also where the position is not on the step any more.
    if (part.eq(1)) return { kind: "quantity", quantity: plain(new Big(by.reducible)) };
    return down(instrument, part.times(by.reducible));
  }
  if (by.available === null) return missing("sizing.needs_available", "quantity");
  if (instrument.category === "spot" && by.side === "Sell") return down(instrument, part.times(by.available));
  if (by.price === null || new Big(by.price).eq(0)) return missing("sizing.needs_price", "price");
  let price = new Big(by.price);
  if (by.orderType === "Market" && by.side === "Buy" && by.slippagePercent !== null) {
    price = price.times(new Big(by.slippagePercent).div(100).plus(1));
  }
  if (instrument.category === "spot") return down(instrument, part.times(by.available).div(price));
  if (by.leverage === null) return missing("sizing.needs_leverage", "quantity");
  const [fees, margin] = feeAndMargin(price, by, by.leverage);
  return down(instrument, part.times(by.available).div(fees.plus(margin)));
}

/** So much that the stop-loss, with the fees of both ways, loses no more than `amount` (quote coin). */
function atRisk(instrument: Instrument, amount: Big, by: Sizing): Sized {
  if (by.stopLoss === null) return missing("sizing.risk_needs_stop", "stop_loss");
  if (by.price === null || new Big(by.price).eq(0)) return missing("sizing.needs_price", "price");
  const price = new Big(by.price);
  const stop = new Big(by.stopLoss);
  if (by.side === "Buy" ? stop.gte(price) : stop.lte(price)) {
    const code = by.side === "Buy" ? "order.exit_must_be_below" : "order.exit_must_be_above";
    return missing(code, "stop_loss", { value: plain(stop), reference: plain(price) });
  }
  const fees = price.plus(stop).times(by.takerRate);
  return down(instrument, amount.div(price.minus(stop).abs().plus(fees)));
}

function down(instrument: Instrument, quantity: Big): Sized {
  return { kind: "quantity", quantity: plain(toStepDown(quantity, new Big(instrument.quantity_step))) };
}

function missing(code: string, field: string, params: Record<string, string> = {}): Sized {
  return { kind: "missing", finding: { code, field, params } };
}

function unheard(unit: never): Sized {
  return missing("sizing.range", "quantity", { unit: String(unit), maximum: "" });
}
