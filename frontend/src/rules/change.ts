/**
 * What a change of something that is there must meet: an amend, exits of a position, a symbol's leverage.
 *
 * Lives here: `amendProblems`, `exitsProblems`, `leverageProblems`, the page's twins of those in `core/change_rules.py`;
 * both are held to `tests/data/change_rules.json`. Not here: new orders (`place`), words (`i18n`).
 */
import Big from "big.js";
import type { Instrument, OrderType, Side, TriggerBy } from "../api/types";
import { plain } from "../format/number";
import { priceProblems, quantityProblems, toStepDown, type Finding } from "./order";
import {
  gridProblemsAt,
  liquidationProblems,
  priceBy,
  sideProblems,
  tierOf,
  triggerProblemsAt,
  type Quotes,
  type Standing,
} from "./parts";
import type { Trigger } from "./place";

/** The order that a change is about, as it stands. */
export type Amendable = {
  readonly side: Side;
  readonly orderType: OrderType;
  readonly quantity: string;
  readonly filled: string;
  readonly price: string | null;
  readonly reduceOnly: boolean;
  readonly trigger: Trigger | null; // of one that still waits for its trigger
  readonly takeProfit: string | null;
  readonly stopLoss: string | null;
};

/** Null leaves a thing as it is; `quantity` is the new total; an exit of "0" removes it. */
export type OrderChange = {
  readonly quantity: string | null;
  readonly price: string | null;
  readonly triggerPrice: string | null;
  readonly takeProfit: string | null;
  readonly stopLoss: string | null;
};

export type PositionExits = {
  readonly takeProfit: string | null;
  readonly stopLoss: string | null;
  readonly takeProfitBy: TriggerBy;
  readonly stopLossBy: TriggerBy;
};

/** Every fault of a change of a live order, in the order of the form's fields. */
export function amendProblems(instrument: Instrument, order: Amendable, change: OrderChange, quotes: Quotes): Finding[] {
  const problems: Finding[] = [];
  if (change.triggerPrice !== null && order.trigger === null) {
    problems.push({ code: "amend.no_trigger", field: "trigger_price", params: {} });
  } else if (change.triggerPrice !== null && order.trigger !== null) {
    const current = priceBy(quotes, order.trigger.by);
    problems.push(...triggerProblemsAt(instrument, change.triggerPrice, current, order.trigger.rises, "trigger_price"));
  }
  if (change.price !== null && order.orderType === "Market") {
    problems.push({ code: "order.price_not_allowed", field: "price", params: {} });
  } else if (change.price !== null) problems.push(...priceProblems(instrument, order.side, change.price));
  if (change.quantity !== null) {
    problems.push(...quantityProblems(instrument, order.orderType, change.quantity));
    if (problems.length === 0 && new Big(change.quantity).lte(order.filled)) {
      const params = { filled: text(order.filled), value: text(change.quantity), coin: instrument.base_coin };
      problems.push({ code: "amend.quantity_filled", field: "quantity", params });
    }
  }
  if (new Big(order.filled).gt(0) && (change.takeProfit !== null || change.stopLoss !== null)) {
    // The exchange says no to it: what is filled has its exits already.
    const field = change.takeProfit === null ? "stop_loss" : "take_profit";
    problems.push({ code: "amend.exits_partly_filled", field, params: {} });
  }
  const entry = change.price ?? order.price;
  problems.push(
    ...amendedExit(instrument, order.side, entry, change.takeProfit, "take_profit"),
    ...amendedExit(instrument, order.side, entry, change.stopLoss, "stop_loss"),
  );
  if (problems.length > 0) return problems;
  if (!differs(order, change)) return [{ code: "amend.nothing_changes", field: "", params: {} }];
  const value = entry === null ? null : new Big(change.quantity ?? order.quantity).times(entry);
  if (value === null || order.reduceOnly || value.gte(instrument.min_notional)) return [];
  const params = { minimum: text(instrument.min_notional), value: plain(value), coin: instrument.quote_coin };
  return [{ code: "order.notional_min", field: "quantity", params }];
}

/** Every fault of a take-profit and stop-loss asked of an open position. */
export function exitsProblems(instrument: Instrument, exits: PositionExits, quotes: Quotes, standing: Standing): Finding[] {
  if (standing.positionSide === null || isZero(standing.positionSize)) return [{ code: "exits.no_position", field: "symbol", params: {} }];
  if (exits.takeProfit === null && exits.stopLoss === null) return [{ code: "exits.nothing_asked", field: "", params: {} }];
  const isLong = standing.positionSide === "Buy";
  const problems: Finding[] = [];
  const legs = [
    ["take_profit", exits.takeProfit, exits.takeProfitBy, isLong],
    ["stop_loss", exits.stopLoss, exits.stopLossBy, !isLong],
  ] as const;
  for (const [path, price, by, above] of legs) {
    if (price === null || isZero(price)) continue; // left alone, or removed
    const grid = gridProblemsAt(instrument, price, path);
    problems.push(...grid);
    const current = priceBy(quotes, by);
    if (grid.length === 0 && current !== null) problems.push(...sideProblems(price, current, above, path));
  }
  if (problems.length > 0 || exits.stopLoss === null || isZero(exits.stopLoss)) return problems;
  return liquidationProblems(exits.stopLoss, standing.liquidationPrice, isLong, "stop_loss");
}

/** Every fault of a leverage asked for a symbol that holds a position worth `positionValue` (quote coin). */
export function leverageProblems(instrument: Instrument, leverage: string, positionValue: string | null): Finding[] {
  const wanted = new Big(leverage);
  const value = plain(wanted);
  const problem = (code: string, params: Record<string, string>): Finding[] => [{ code, field: "leverage", params: { ...params, value } }];
  if (wanted.lt(instrument.min_leverage) || wanted.gt(instrument.max_leverage)) {
    return problem("leverage.range", { minimum: text(instrument.min_leverage), maximum: text(instrument.max_leverage) });
  }
  const step = new Big(instrument.leverage_step);
  if (!wanted.mod(step).eq(0)) return problem("leverage.step", { step: plain(step), suggestion: plain(toStepDown(wanted, step)) });
  const found = positionValue === null ? null : tierOf(instrument, new Big(positionValue));
  if (found === null || wanted.lte(found[1].leverage_max)) return [];
  return problem("leverage.tier", { maximum: text(found[1].leverage_max), tier: String(found[0]) });
}

function amendedExit(instrument: Instrument, side: Side, entry: string | null, price: string | null, path: "take_profit" | "stop_loss"): Finding[] {
  if (price === null || isZero(price)) return [];
  const grid = gridProblemsAt(instrument, price, path);
  if (grid.length > 0 || entry === null) return grid;
  return sideProblems(price, entry, (side === "Buy") === (path === "take_profit"), path);
}

function differs(order: Amendable, change: OrderChange): boolean {
  const pairs = [
    [change.quantity, order.quantity],
    [change.price, order.price],
    [change.triggerPrice, order.trigger?.price ?? null],
    [change.takeProfit, order.takeProfit ?? "0"],
    [change.stopLoss, order.stopLoss ?? "0"],
  ] as const;
  return pairs.some(([asked, held]) => asked !== null && (held === null || !new Big(asked).eq(held)));
}

function isZero(value: string | null): boolean {
  return value === null || new Big(value).eq(0);
}

function text(decimal: string): string {
  return plain(new Big(decimal));
}
