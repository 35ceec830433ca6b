/** What of the terminal is in its address: timeframe, tab, scope of the tables. */
import type { Interval } from "../api/types";

export const TIMEFRAMES = ["1m", "5m", "15m", "1h", "4h", "1D"] as const;
export type Timeframe = (typeof TIMEFRAMES)[number];
export const TABS = ["orders", "positions", "fills", "history", "balances"] as const;
export type Tab = (typeof TABS)[number];

export type TerminalSearch = {
  readonly tf?: Timeframe | undefined;
  readonly tab?: Tab | undefined;
  readonly scope?: "symbol" | undefined;
};

const INTERVALS: Readonly<Record<Timeframe, { readonly interval: Interval; readonly ms: number }>> = {
  "1m": { interval: "1", ms: 60_000 },
  "5m": { interval: "5", ms: 300_000 },
  "15m": { interval: "15", ms: 900_000 },
  "1h": { interval: "60", ms: 3_600_000 },
  "4h": { interval: "240", ms: 14_400_000 },
  "1D": { interval: "D", ms: 86_400_000 },
};

export function intervalOf(timeframe: Timeframe): { readonly interval: Interval; readonly ms: number } {
  return INTERVALS[timeframe];
}

/**
 * Unknown values are dropped, so that an old link still opens. Every key is named: what is left out here, the router hands
 * on as it stands in the address.
 */
export function readTerminalSearch(search: Record<string, unknown>): TerminalSearch {
  const tf = TIMEFRAMES.find((each) => each === search["tf"]);
  const tab = TABS.find((each) => each === search["tab"]);
  return { tf, tab, scope: search["scope"] === "symbol" ? "symbol" : undefined };
}
