import { expect, it } from "vitest";
import { plainPrice } from "./price";

it("reads a price as people type it, and nothing else", () => {
  expect(["60 412.5", "0,5", "60\u202f000", "1"].map(plainPrice)).toEqual(["60412.5", "0.5", "60000", "1"]);
  expect(["", "0", "0.00", "-1", "1e5", "1.2.3", "abc", "<b>", "1,000,000"].map(plainPrice)).toEqual(Array(9).fill(null));
});
