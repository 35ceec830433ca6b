/**
 * The instruments to choose from: which of them match, and in what order they stand.
 *
 * Lives here: pure search and sorting. Not here: the picker (`MarketPicker`), what is favourite (`favourites`).
 */
import type { Category, Instrument, Ticker } from "../api/types";
import { aliases } from "./aliases";

export type MarketTab = "favourites" | "linear" | "spot" | "held";
export type SortKey = "symbol" | "last" | "change" | "turnover" | "funding";
export type Sort = { readonly key: SortKey; readonly descending: boolean };
export type Market = { readonly instrument: Instrument; readonly ticker: Ticker | null };

export function marketId(instrument: { readonly category: Category; readonly symbol: string }): string {
  return `${instrument.category}:${instrument.symbol}`;
}

/** Whether what was typed is in the symbol, a coin, or a name that people use for the coin ("биток"). */
export function matches(instrument: Instrument, typed: string): boolean {
  const wanted = typed.trim().toUpperCase().replaceAll(/[\s/-]/g, "");
  if (wanted === "") return true;
  if (instrument.symbol.includes(wanted)) return true;
  const names = aliases[instrument.base_coin.replace(/^10+/, "")] ?? [];
  return names.some((name) => name.toUpperCase().startsWith(typed.trim().toUpperCase()));
}

export function inTab(instrument: Instrument, tab: MarketTab, favourites: ReadonlySet<string>, held: ReadonlySet<string>): boolean {
  switch (tab) {
    case "favourites":
      return favourites.has(marketId(instrument));
    case "held":
      return held.has(marketId(instrument));
    case "linear":
    case "spot":
      return instrument.category === tab;
    default:
      return unheard(tab);
  }
}

function unheard(_tab: never): boolean {
  return false;
}

/** By the key, unknown values last in either direction, then by symbol. Ratios for the eye only, so they may be floats. */
export function sorted(markets: readonly Market[], sort: Sort): Market[] {
  const direction = sort.descending ? -1 : 1;
  return [...markets].sort((a, b) => {
    if (sort.key === "symbol") return direction * a.instrument.symbol.localeCompare(b.instrument.symbol);
    const [left, right] = [valueOf(a.ticker, sort.key), valueOf(b.ticker, sort.key)];
    if (left === null || right === null) return (left === null ? 1 : 0) - (right === null ? 1 : 0) || a.instrument.symbol.localeCompare(b.instrument.symbol);
    return direction * (left - right) || a.instrument.symbol.localeCompare(b.instrument.symbol);
  });
}

function valueOf(ticker: Ticker | null, key: Exclude<SortKey, "symbol">): number | null {
  const text = {
    last: ticker?.last_price,
    change: ticker?.change_24h_ratio,
    turnover: ticker?.turnover_24h,
    funding: ticker?.funding_rate,
  }[key];
  return text == null ? null : Number(text);
}

const DAY_MS = 86_400_000;
const NEW_MS = 14 * DAY_MS;

export type Badge = "new" | "pre" | "delisting" | "closed";

/** What is unusual about an instrument, if anything. */
export function badgeOf(instrument: Instrument, nowMs: number): Badge | null {
  if (instrument.status === "PreLaunch") return "pre";
  if (instrument.status !== "Trading") return "closed";
  if (instrument.delivery_at_ms !== null && instrument.delivery_at_ms > 0) return "delisting";
  if (instrument.launched_at_ms !== null && nowMs - instrument.launched_at_ms < NEW_MS) return "new";
  return null;
}
