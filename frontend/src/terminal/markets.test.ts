import { expect, it } from "vitest";
import type { Instrument, Ticker } from "../api/types";
import { badgeOf, inTab, marketId, matches, sorted } from "./markets";

const instrument = (symbol: string, more: Partial<Instrument> = {}): Instrument =>
  ({ category: "linear", symbol, base_coin: symbol.replace("USDT", ""), status: "Trading", delivery_at_ms: null, launched_at_ms: null, ...more }) as Instrument;
const ticker = (values: Partial<Ticker>): Ticker => values as Ticker;
const BTC = instrument("BTCUSDT");
const PEPE = instrument("1000PEPEUSDT");

it("finds a coin by its code, by a pair with a slash, and by what people call it in either script", () => {
  expect(["btc", "BTC/USDT", "usdt", "bitc", "биток", ""].every((typed) => matches(BTC, typed))).toBe(true);
  expect(matches(PEPE, "пепе")).toBe(true);
  expect(["eth", "эфир"].some((typed) => matches(BTC, typed))).toBe(false);
});

it("keeps a spot pair apart from the contract of the same symbol", () => {
  const spot = instrument("BTCUSDT", { category: "spot" });
  const held = new Set([marketId(BTC)]);
  expect([inTab(BTC, "held", new Set(), held), inTab(spot, "held", new Set(), held)]).toEqual([true, false]);
  expect([inTab(BTC, "spot", new Set(), held), inTab(spot, "spot", new Set(), held)]).toEqual([false, true]);
  expect(inTab(spot, "favourites", new Set([marketId(spot)]), held)).toBe(true);
});

it("sorts by value in both directions and keeps what is not known at the end", () => {
  const markets = [
    { instrument: instrument("AUSDT"), ticker: ticker({ turnover_24h: "5" }) },
    { instrument: instrument("BUSDT"), ticker: null },
    { instrument: instrument("CUSDT"), ticker: ticker({ turnover_24h: "40" }) },
  ];
  const names = (descending: boolean): string[] => sorted(markets, { key: "turnover", descending }).map((each) => each.instrument.symbol);
  expect([names(true), names(false)]).toEqual([
    ["CUSDT", "AUSDT", "BUSDT"],
    ["AUSDT", "CUSDT", "BUSDT"],
  ]);
  expect(sorted(markets, { key: "symbol", descending: true })[0]?.instrument.symbol).toBe("CUSDT");
});

it("says what is unusual about an instrument", () => {
  const now = Date.UTC(2026, 0, 20);
  expect(badgeOf(instrument("AUSDT", { status: "PreLaunch" }), now)).toBe("pre");
  expect(badgeOf(instrument("AUSDT", { status: "Closed" }), now)).toBe("closed");
  expect(badgeOf(instrument("AUSDT", { delivery_at_ms: now + 1 }), now)).toBe("delisting");
  expect(badgeOf(instrument("AUSDT", { launched_at_ms: now - 86_400_000 }), now)).toBe("new");
  expect(badgeOf(BTC, now)).toBeNull();
});
