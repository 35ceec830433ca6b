/**
 * What several rules of orders ask alike: prices of the moment, the account's standing, and the small judgements.
 *
 * Lives here: `Quotes`, `Standing`, `tierOf` and the checks of one price; the page's twin of `core/rule_parts.py`.
 * Not here: whole orders (`place`), changes (`change`). A fact that is not known (null) is not judged.
 */
import Big from "big.js";
import type { Instrument, Side, Ticker, TriggerBy } from "../api/types";
import { plain } from "../format/number";
import { priceProblems, type Finding } from "./order";

/** Prices of one instrument at one moment (quote per base). */
export type Quotes = {
  readonly last: string | null;
  readonly mark: string | null;
  readonly index: string | null;
  readonly bid: string | null;
  readonly ask: string | null;
};

/** What the account has to do with an order. `cost` and `available` are in one coin: the quote coin, for a spot sell the base coin. */
export type Standing = {
  readonly positionSide: Side | null; // null with a size of zero: flat
  readonly positionSize: string | null;
  readonly positionValue: string | null; // quote coin
  readonly leverage: string | null;
  readonly liquidationPrice: string | null; // as estimated after the order
  readonly cost: string | null;
  readonly available: string | null;
};

export function quotesOf(ticker: Ticker | null): Quotes {
  return {
    last: ticker?.last_price ?? null,
    mark: ticker?.mark_price ?? null,
    index: ticker?.index_price ?? null,
    bid: ticker?.bid_price ?? null,
    ask: ticker?.ask_price ?? null,
  };
}

export function priceBy(quotes: Quotes, by: TriggerBy): string | null {
  return { LastPrice: quotes.last, MarkPrice: quotes.mark, IndexPrice: quotes.index }[by];
}

/** What a taker of this side meets: the best price, else the last. */
export function opposite(quotes: Quotes, side: Side): string | null {
  return (side === "Buy" ? quotes.ask : quotes.bid) ?? quotes.last;
}

type Tier = Instrument["risk_tiers"][number];

/** The risk tier of a position of this value (quote coin) with its number from 1; the last one beyond them all. */
export function tierOf(instrument: Instrument, value: Big): readonly [number: number, tier: Tier] | null {
  const tiers = instrument.risk_tiers;
  const at = tiers.findIndex((each) => value.lte(each.value_max));
  const index = at === -1 ? tiers.length - 1 : at;
  const tier = tiers[index];
  return tier === undefined ? null : [index + 1, tier];
}

/** As a limit price, without a side to round to: the suggestion is the nearest below. */
export function gridProblemsAt(instrument: Instrument, price: string, path: string): Finding[] {
  return priceProblems(instrument, "Buy", price).map((problem) => ({ ...problem, field: path }));
}

export function sideProblems(price: string, reference: string, above: boolean, path: string): Finding[] {
  const value = new Big(price);
  if (above ? value.gt(reference) : value.lt(reference)) return [];
  const code = above ? "order.exit_must_be_above" : "order.exit_must_be_below";
  return [{ code, field: path, params: { value: plain(value), reference: plain(new Big(reference)) } }];
}

export function liquidationProblems(stop: string, liquidation: string | null, isLong: boolean, path: string): Finding[] {
  if (liquidation === null) return [];
  const value = new Big(stop);
  if (isLong ? value.gt(liquidation) : value.lt(liquidation)) return [];
  const params = { value: plain(value), liquidation: plain(new Big(liquidation)) };
  return [{ code: "order.stop_beyond_liquidation", field: path, params }];
}

export function triggerProblemsAt(instrument: Instrument, typed: string, current: string | null, rises: boolean, path: string): Finding[] {
  const problems = gridProblemsAt(instrument, typed, path);
  if (problems.length > 0 || current === null) return problems;
  const price = new Big(typed);
  const params = { value: plain(price), current: plain(new Big(current)) };
  if (price.eq(current)) return [{ code: "order.trigger_is_current", field: path, params }];
  if (rises !== price.gt(current)) return [{ code: "order.trigger_passed", field: path, params }];
  return [];
}
