import { expect, it } from "vitest";
import { moved } from "./stepping";

it("steps on the grid, from a value between two steps to the next one, and not below zero", () => {
  expect([moved("60000", "0.1", 1, null), moved("60000.05", "0.1", 1, null), moved("60000.05", "0.1", -1, null)]).toEqual([
    "60000.1",
    "60000.1",
    "60000",
  ]);
  expect([moved("", "0.001", 10, "0"), moved("0.001", "0.001", -10, null), moved("", "0.1", 1, null)]).toEqual(["0.01", "0", null]);
});

it("moves a share by whole percents", () => {
  expect([moved("25%", "0.001", 1, null), moved("1,5 %", "0.1", -1, null)]).toEqual(["26%", "1%"]);
});
