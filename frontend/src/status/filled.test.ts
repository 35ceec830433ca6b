import { expect, it } from "vitest";
import { filledPercent } from "./filled";

it("counts what was filled of the quantity, rounded down", () => {
  expect(filledPercent({ quantity: "3", filled_quantity: "2", quantity_unit: "base", average_price: "100" })).toBe(66);
  expect(filledPercent({ quantity: "3", filled_quantity: "0", quantity_unit: "base", average_price: null })).toBe(0);
});

it("counts the worth of what was filled of an amount, and never more than all of it", () => {
  const of500 = { quantity: "500", quantity_unit: "quote" } as const;
  expect(filledPercent({ ...of500, filled_quantity: "2.5", average_price: "100" })).toBe(50);
  expect(filledPercent({ ...of500, filled_quantity: "5.01", average_price: "100" })).toBe(100);
  expect(filledPercent({ ...of500, filled_quantity: "0", average_price: null })).toBe(0);
});
