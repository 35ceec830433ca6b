/**
 * Levels of a book as they are shown: grouped by a multiple of the tick, with running totals.
 *
 * Lives here: pure steps from a book to rows. A bid is grouped downwards and an ask upwards, so that no group looks better
 * than what is in it.
 */
import Big from "big.js";
import type { Book } from "../api/types";
import { toStepDown, toStepUp } from "../rules/order";

export type Level = {
  readonly price: string;
  readonly size: string;
  /** Of the deepest running total that is shown, 0 to 1: a width for the eye. */
  readonly share: number;
};
export type BookRows = { readonly asks: readonly Level[]; readonly bids: readonly Level[]; readonly spread: string | null; readonly mid: string | null };

/** Asks from the best up and bids from the best down, at most `depth` of each. */
export function rowsOf(book: Book, tick: string, factor: number, depth: number): BookRows {
  const step = new Big(tick).times(factor);
  const asks = grouped(book.asks, (price) => toStepUp(price, step), depth);
  const bids = grouped(book.bids, (price) => toStepDown(price, step), depth);
  const most = Math.max(total(asks), total(bids));
  const [ask, bid] = [book.asks[0]?.[0], book.bids[0]?.[0]];
  const both = ask !== undefined && bid !== undefined;
  return {
    asks: withShares(asks, most),
    bids: withShares(bids, most),
    spread: both ? new Big(ask).minus(bid).toFixed() : null,
    mid: both ? new Big(ask).plus(bid).div(2).toFixed() : null,
  };
}

/** Whether the sides have passed each other, or one of them is empty: then the book is not to be believed. */
export function isBroken(book: Book): boolean {
  const [ask, bid] = [book.asks[0]?.[0], book.bids[0]?.[0]];
  return ask === undefined || bid === undefined || new Big(bid).gt(ask);
}

type Group = { readonly price: string; size: Big };

function grouped(levels: Book["asks"], onGrid: (price: Big) => Big, depth: number): Group[] {
  const groups: Group[] = [];
  for (const level of levels) {
    const [price, size] = level as [string, string];
    const name = onGrid(new Big(price)).toFixed();
    const last = groups.at(-1);
    if (last?.price === name) last.size = last.size.plus(size);
    else if (groups.length === depth) break;
    else groups.push({ price: name, size: new Big(size) });
  }
  return groups;
}

function total(groups: readonly Group[]): number {
  return groups.reduce((sum, group) => sum + Number(group.size), 0);
}

function withShares(groups: readonly Group[], most: number): Level[] {
  let sum = 0;
  return groups.map((group) => {
    sum += Number(group.size);
    return { price: group.price, size: group.size.toFixed(), share: most === 0 ? 0 : sum / most };
  });
}

/** The price at which own orders of a side stand, in the groups of the shown book. */
export function ownPrices(prices: readonly { readonly side: "Buy" | "Sell"; readonly price: string }[], tick: string, factor: number): ReadonlySet<string> {
  const step = new Big(tick).times(factor);
  return new Set(
    prices.map(({ side, price }) => `${side}:${(side === "Buy" ? toStepDown(new Big(price), step) : toStepUp(new Big(price), step)).toFixed()}`),
  );
}
