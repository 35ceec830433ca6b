/** Figures over the trades of a run, counted exactly: money stays decimal, shares are for reading. */
import Big from "big.js";
import type { RunTrade } from "../../api/types";
import { textOf } from "./payload";

export const FEW = 30;

export type Figures = {
  readonly trades: number;
  readonly won: number;
  /** In percent; null of no trades. */
  readonly wonPercent: number | null;
  /** Won money per lost money; null where nothing was lost. */
  readonly profitFactor: string | null;
  readonly best: string | null;
  readonly worst: string | null;
  readonly average: string | null;
};

export function figuresOf(trades: readonly RunTrade[]): Figures {
  const results = trades.flatMap(({ trade }) => {
    const pnl = textOf(trade, "pnl");
    return pnl !== null && /^-?\d+(\.\d+)?$/.test(pnl) ? [new Big(pnl)] : [];
  });
  const won = results.filter((each) => each.gt(0));
  const gained = won.reduce((sum, each) => sum.plus(each), new Big(0));
  const lost = results.filter((each) => each.lt(0)).reduce((sum, each) => sum.minus(each), new Big(0));
  const sorted = [...results].sort((a, b) => a.cmp(b));
  const text = (value: Big | undefined): string | null => value?.toFixed() ?? null;
  return {
    trades: results.length,
    won: won.length,
    wonPercent: results.length === 0 ? null : Math.round((1_000 * won.length) / results.length) / 10,
    profitFactor: lost.eq(0) ? null : gained.div(lost).toFixed(2),
    best: text(sorted.at(-1)),
    worst: text(sorted[0]),
    average: results.length === 0 ? null : results.reduce((sum, each) => sum.plus(each), new Big(0)).div(results.length).toFixed(4),
  };
}

/** How much of its maximum loss a run has lost, in whole percent: 0 while it has gained. */
export function lossUsed(net: string, maxLoss: string): number {
  const limit = new Big(maxLoss);
  const lost = new Big(net).times(-1);
  if (limit.lte(0) || lost.lte(0)) return 0;
  return Number(lost.div(limit).times(100).toFixed(0, 0));
}
