import { expect, it } from "vitest";
import { aRun } from "../api/fixtures";
import type { Clocks } from "../stream/store";
import { clockText, nearness, timeLeft } from "./time_left";

const clocks = (change: Partial<Clocks> = {}): Clocks => ({ serverOffsetMs: 0, marketNowMs: null, marketSpeed: 1, heardAtMs: 0, ...change });
const run = (change = {}) => aRun({ began_market_ms: 1_000_000, duration_ms: 300_000, deadline_market_ms: 1_300_000, ...change });

it("goes by the market's clock on the simulated exchange, at the market's speed", () => {
  const fast = clocks({ marketNowMs: 1_060_000, marketSpeed: 60, heardAtMs: 5_000 });
  expect(timeLeft(run(), fast, 5_000)).toEqual({ leftMs: 240_000, share: 0.19999999999999996 });
  expect(timeLeft(run(), fast, 7_000)?.leftMs).toBe(120_000);
  expect(timeLeft(run(), fast, 60_000)).toEqual({ leftMs: 0, share: 1 });
});

it("goes by the server's clock elsewhere, whatever this browser's says", () => {
  const demo = run({ environment: "demo" });
  expect(timeLeft(demo, clocks({ serverOffsetMs: 200_000 }), 1_000_000)?.leftMs).toBe(100_000);
  expect(timeLeft(demo, null, 1_000_000)?.leftMs).toBe(300_000);
});

it("is not known before it begins, after it ended, and until the market's clock was heard", () => {
  expect(timeLeft(run({ began_market_ms: null, deadline_market_ms: null }), clocks(), 0)).toBeNull();
  expect(timeLeft(run({ state: "finished", ended_ms: 7 }), clocks(), 0)).toBeNull();
  expect(timeLeft(run(), null, 1_000_000)).toBeNull();
});

it("never shows more than the duration, for a clock that is a little behind", () => {
  expect(timeLeft(run(), clocks({ marketNowMs: 999_000 }), 0)).toEqual({ leftMs: 300_000, share: 0 });
});

it("is read as a clock that reaches zero when the time is over", () => {
  expect([300_000, 299_001, 61_000, 999, 1, 0, 11_099_000].map(clockText)).toEqual(["05:00", "05:00", "01:01", "00:01", "00:01", "00:00", "3:04:59"]);
});

it("is near from five minutes on and nearest from one", () => {
  expect([300_001, 300_000, 60_001, 60_000].map((leftMs) => nearness({ leftMs, share: 0 }))).toEqual(["far", "near", "near", "nearest"]);
  expect(nearness(null)).toBe("far");
});
