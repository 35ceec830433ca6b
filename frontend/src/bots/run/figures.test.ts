import { expect, it } from "vitest";
import { figuresOf, lossUsed } from "./figures";

const trades = (...results: string[]) => results.map((pnl, at) => ({ number: at + 1, trade: { pnl } }));

it("counts a handful of trades by hand", () => {
  expect(figuresOf(trades("10", "-4", "6", "-2", "0"))).toEqual({ trades: 5, won: 2, wonPercent: 40, profitFactor: "2.67", best: "10", worst: "-4", average: "2.0000" });
});

it("keeps money exact and says nothing where there is nothing to say", () => {
  expect(figuresOf(trades("0.1", "0.2"))).toMatchObject({ profitFactor: null, average: "0.1500", worst: "0.1" });
  expect(figuresOf([])).toEqual({ trades: 0, won: 0, wonPercent: null, profitFactor: null, best: null, worst: null, average: null });
});

it("measures a loss against its limit, rounded down, and a gain as none", () => {
  expect([lossUsed("-22.9", "100"), lossUsed("5", "100"), lossUsed("-100", "100"), lossUsed("-130", "100"), lossUsed("0", "100")]).toEqual([22, 0, 100, 130, 0]);
});
