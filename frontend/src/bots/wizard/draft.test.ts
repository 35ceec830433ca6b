// @vitest-environment jsdom
import { beforeEach, expect, it } from "vitest";
import type { SpecChecked } from "../../api/types";
import { fresh, isDone, limitFaults, markOf, minutesIn, paramFaults, paramsOf, reachable, settingsOf, type Draft } from "./draft";
import { forgetBotDrafts, loadDraft, saveDraft } from "./keeping";

let count = 0;
const newId = (): string => `id-${(count += 1)}`;
const checked = (): SpecChecked => ({
  ok: true,
  errors: [],
  warnings: [],
  facts: null,
  spec: {
    name: "RSI",
    description: "",
    kind: "signal",
    category: "linear",
    symbol: "BTCUSDT",
    timeframe: "1m",
    params: [
      { name: "length", value: "14" },
      { name: "stop_pct", value: "1.2" },
    ],
    sha256: "0",
  },
});
const draft = (change: Partial<Draft> = {}): Draft => ({ ...fresh(newId), text: "kind: signal", accountId: "a", maxLoss: "50", name: "Dip", ...change });

beforeEach(() => sessionStorage.clear());

it("asks for a maximum loss, and for one that the capital can bear", () => {
  expect(limitFaults(draft())).toEqual({});
  expect(limitFaults(draft({ maxLoss: " " }))).toEqual({ maxLoss: "max_loss_missing" });
  expect(limitFaults(draft({ maxLoss: "1000,01" }))).toEqual({ maxLoss: "max_loss_wrong" });
  expect(limitFaults(draft({ maxLoss: "0", capital: "x", minutes: "10081", maxOrders: "601", maxPosition: "-1" }))).toEqual({
    maxLoss: "max_loss_wrong",
    capital: "capital_wrong",
    minutes: "minutes_wrong",
    maxOrders: "max_orders_wrong",
    maxPosition: "max_position_wrong",
  });
});

it("reads minutes as people write them", () => {
  expect(["5", "10 080", "0", "1.5", "", "10081", "abc"].map(minutesIn)).toEqual([5, 10_080, null, null, null, null, null]);
});

it("sends only those params that differ from the strategy's own values", () => {
  const own = checked().spec?.params ?? [];
  expect(paramsOf(draft({ params: { length: "14.0", stop_pct: "1,5", gone: "3" } }), own)).toEqual([{ name: "stop_pct", value: "1.5" }]);
  expect(paramFaults(draft({ params: { length: "x" } }), own)).toEqual(["length"]);
});

it("lets nobody past a step that lacks something, and says which", () => {
  expect(reachable(draft(), "start", checked())).toBe("start");
  expect(reachable(draft({ maxLoss: "" }), "start", checked())).toBe("limits");
  expect(reachable(draft({ accountId: null }), "start", checked())).toBe("market");
  expect(reachable(draft(), "start", undefined)).toBe("strategy");
  expect(isDone(draft({ name: " Dip" }), "start", checked())).toBe(false);
});

it("asks for what was typed, with the strategy's symbol where none was chosen", () => {
  expect(settingsOf(draft({ capital: "1 000,5", minutes: "5", params: { length: "7" } }), checked(), "v1")).toEqual({
    spec_version_id: "v1",
    params: [{ name: "length", value: "7" }],
    account_id: "a",
    category: "linear",
    symbol: "BTCUSDT",
    capital: "1000.5",
    limits: { max_loss: "50", max_position: null, max_orders_a_minute: 60 },
    duration_ms: 300_000,
    at_end: "close",
  });
  expect(settingsOf(draft({ maxLoss: "" }), checked(), "v1")).toBeNull();
});

it("knows settings that were saved by what they say, not by the version that keeps their text", () => {
  const [one, two] = ["v1", "v2"].map((version) => settingsOf(draft(), checked(), version));
  if (one == null || two == null) throw new Error("both are whole");
  expect(markOf(draft(), one)).toBe(markOf(draft(), two));
  expect(markOf(draft({ name: "Dip 2" }), one)).not.toBe(markOf(draft(), one));
});

it("is there after a reload, and gone when somebody logs out; what is no draft is none", () => {
  const typed = draft({ maxLoss: "12", params: { length: "9" } });
  saveDraft("new", typed);
  expect(loadDraft("new", fresh(newId))).toEqual(typed);
  sessionStorage.setItem("tradewright.bot.old", JSON.stringify({ ...typed, capital: 5 }));
  expect([loadDraft("old", fresh(newId)), loadDraft("none", fresh(newId))]).toEqual([null, null]);
  forgetBotDrafts();
  expect(loadDraft("new", fresh(newId))).toBeNull();
});
