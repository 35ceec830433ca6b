/**
 * The prices of exits that were asked by their distance from the entry.
 *
 * Lives here: `exitPrice`. Not here: whether such a price may stand (`place`), what it would win or lose (`preview`).
 * Rounded towards the entry: a stop never risks more than was asked, a target never promises more.
 */
import Big from "big.js";
import type { Instrument, Side } from "../api/types";
import { plain } from "../format/number";
import { toStepDown, toStepUp } from "./order";

/** `percent` of the entry, or `r` times the distance between entry and stop-loss. */
export type Distance = { readonly unit: "percent"; readonly value: string } | { readonly unit: "r"; readonly value: string; readonly stopLoss: string };

/** Quote per base, on the tick; null where the distance leads nowhere: none, or below zero. `side` is the order's. */
export function exitPrice(instrument: Instrument, side: Side, leg: "take_profit" | "stop_loss", entry: string, distance: Distance): string | null {
  const from = new Big(entry);
  const away = distance.unit === "percent" ? from.times(distance.value).div(100) : from.minus(distance.stopLoss).abs().times(distance.value);
  if (away.lte(0)) return null;
  const above = (side === "Buy") === (leg === "take_profit");
  const price = above ? from.plus(away) : from.minus(away);
  if (price.lte(0)) return null;
  const tick = new Big(instrument.tick_size);
  return plain(above ? toStepDown(price, tick) : toStepUp(price, tick));
}

/** How far a price is from the entry, in percent of the entry; negative below it. */
export function percentAway(price: string, entry: string): string | null {
  const from = new Big(entry);
  return from.eq(0) ? null : plain(new Big(price).minus(from).div(from).times(100).round(2));
}
