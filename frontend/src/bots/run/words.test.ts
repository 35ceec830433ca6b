import { beforeEach, expect, it } from "vitest";
import { anEvent } from "../../api/fixtures";
import type { RunEventKind } from "../../api/types";
import { i18next, startWords } from "../../i18n";
import { eventText, reasonText, riskMeasures, type Reader } from "./words";

let reader: Reader;
beforeEach(async () => {
  await startWords("en");
  reader = { t: i18next.getFixedT("en", "page"), language: "en", nameOf: (id) => (id === null ? null : `user ${id}`) };
});
const said = (kind: RunEventKind, payload: Record<string, unknown>): string => eventText(anEvent(1, { kind, payload }), reader).replaceAll("\u202f", " ").replaceAll("\u00a0", " ");

it.each<[RunEventKind, Record<string, unknown>, string]>([
  ["lifecycle", { state: "stopping", reason: { code: "run.stopped", params: { how: "close" } }, by: "7" }, "Stopping · It was stopped: at once, with its position closed. · by user 7"],
  ["lifecycle", { state: "running" }, "Running"],
  ["wish", { wish: "stop", how: "gentle", by: "7" }, "asked to stop gently · by user 7"],
  ["wish", { wish: "extend", by: null, duration_ms: 3_600_000 }, "asked for a longer time: 60 min in all"],
  ["bar", { close: "60510.5", rules: [], decided: [] }, "no decision · close 60 510.5"],
  ["bar", { close: "60510.5", rules: [], decided: ["exit", "enter_short"] }, "decided: exit, enter short · close 60 510.5"],
  ["bar", { open_ms: 61_260_000, close: "1", rules: [], decided: [] }, "17:01 UTC · no decision · close 1"],
  ["bar", { close: "1", late: true, rules: [], decided: [] }, "came too late to decide on · close 1"],
  ["signal", { action: "enter_long", reason: "rule" }, "enter long · by its rule"],
  ["intent", { kind: "place", side: "Buy", quantity: "0.01", price: "60400", stop: "59000", target: null }, "Buy 0.01 at 60 400 · stop 59 000, target —"],
  ["intent", { kind: "place", side: "Sell", quantity: "0.01", price: null, stop: null, target: null }, "Sell 0.01 at market"],
  ["intent", { kind: "close", side: "Sell", quantity: "0.01", reason: "max_loss" }, "close: Sell 0.01 at market, reduce-only · the maximum loss"],
  ["intent", { kind: "cancel", role: "entry" }, "cancel its order"],
  ["risk", { verdict: [{ limit: "order_notional", value: "200.5", allowed: "1000", level: "account" }] }, "passed (1 check)"],
  ["order", { status: "acknowledged" }, "Accepted, not filled"],
  ["order", { status: "rejected", reason: { code: "exchange.order_ended", exchange_text: "EC_NoEnoughQty" } }, "Rejected · The exchange ended the order. The exchange says: “EC_NoEnoughQty”"],
  ["fill", { side: "Buy", quantity: "0.01", price: "60400", fee: "0.12", is_maker: true, by: "own" }, "Buy 0.01 at 60 400, fee 0.12, maker"],
  ["fill", { side: "Buy", fee: "0.05", by: "funding" }, "funding: 0.05"],
  ["position", { direction: "flat", quantity: "0" }, "holds nothing"],
  ["position", { direction: "long", quantity: "0.01", entry_price: "60400", stop: "59000", target: null }, "long 0.01 at 60 400, stop 59 000, target —"],
  ["stop", { state: "placed" }, "stop and target stand at the exchange"],
  ["trade", { side: "long", qty: "0.01", entry_price: "60400", exit_price: "60500", pnl: "0.88" }, "long 0.01: in at 60 400, out at 60 500, result 0.8800"],
  ["link", { state: "degraded" }, "session of the account: its private stream is silent"],
  ["sleep", { slept_ms: 7_440_000 }, "the computer slept for 2 h"],
  ["takeover", { epoch: 3, gap_ms: 4_000, bars: 1 }, "another worker goes on with the run; 4 s after the last bar that was decided on"],
  ["limit", { name: "max_loss", value: "950", allowed: "950" }, "Equity at the maximum loss: 950, allowed 950"],
  ["note", { code: "bar.revised", params: { open_ms: "60000" } }, "The exchange told the bar of 1970-01-01 00:01:00 UTC anew, with other prices than those that were decided on."],
])("says a %s in words: %o", (kind, payload, text) => {
  expect(said(kind, payload)).toBe(text);
});

it("tells each limit that an order was held against", () => {
  const verdict = [{ limit: "order_notional", value: "200.5", allowed: "1000", level: "account" }];
  expect(riskMeasures({ verdict }, reader).map((each) => each.replaceAll("\u202f", " "))).toEqual(["Order value 200.5 ≤ 1 000"]);
});

it("shows what it has no words for as it came", () => {
  expect(said("note", { code: "bar.strange", params: {} })).toBe("bar.strange");
  expect(said("signal", { action: "leap", reason: "moon" })).toBe("leap · by moon");
  expect(said("error", {})).toBe("—");
});

it("says why a run ended, and names a reason that it does not know", () => {
  expect(reasonText({ code: "run.max_loss", params: { value: "949.5", allowed: "950" }, detail: null }, reader)).toMatch(/^Its equity fell to 949\.5; the maximum loss allows 950\./);
  expect(reasonText({ code: "run.new", params: {}, detail: "x" }, reader)).toBe("For a reason that this page has no words for: run.new “x”");
});
