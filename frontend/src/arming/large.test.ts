import { expect, it } from "vitest";
import { isLarge, isTyped } from "./large";

it("asks for what is worth more than the arming says, and for what nearly is, because prices move", () => {
  expect(isLarge("94.9", "100")).toBe(false);
  expect(isLarge("95.1", "100")).toBe(true);
  expect(isLarge("0.01", "0")).toBe(true);
});

it("asks for what nobody can value, and for nothing where the account is not armed", () => {
  expect(isLarge(null, "100")).toBe(true);
  expect(isLarge(null, null)).toBe(false);
  expect(isLarge("1000000", null)).toBe(false);
});

it("takes the symbol in whatever case, and nothing else", () => {
  expect(["BTCUSDT", " btcusdt "].map((typed) => isTyped(typed, "BTCUSDT"))).toEqual([true, true]);
  expect(["", "BTC", "ETHUSDT", "BTCUSDT1"].map((typed) => isTyped(typed, "BTCUSDT"))).toEqual([false, false, false, false]);
});
