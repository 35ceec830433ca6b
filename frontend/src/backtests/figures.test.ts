import { expect, it } from "vitest";
import { figure, money, pathOf } from "./figures";

const BOX = { width: 100, height: 50 };

it("draws from the left to the right and the highest at the top", () => {
  expect(pathOf([[1000, 10], [2000, 30], [3000, 20]], BOX)).toBe("M0.0 50.0L50.0 0.0L100.0 25.0");
});

it("draws a flat curve in the middle, one point at the left, and nothing of none", () => {
  expect(pathOf([[1, 5], [2, 5]], BOX)).toBe("M0.0 25.0L100.0 25.0");
  expect(pathOf([[1, 5]], BOX)).toBe("M0.0 25.0");
  expect(pathOf([], BOX)).toBe("");
});

it("shows two decimals, and a dash where there is no number", () => {
  expect(figure(-14.6234, "en")).toBe("\u221214.62");
  expect(figure(null, "en")).toBe("\u2014");
  expect(money("-1462.3429481665007175", "en")).toBe("\u22121\u202f462.34");
  expect(money("5", "en")).toBe("5.00");
  expect(money("0.029999999999999999", "en")).toBe("0.03");
});
