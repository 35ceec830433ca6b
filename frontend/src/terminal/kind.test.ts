import { describe, expect, it } from "vitest";
import { kindOf } from "./kind";

describe("the kind beside a symbol", () => {
  it.each([
    ["linear", "BTCUSDT", "linear"],
    ["linear", "BTCPERP", "linear"],
    ["linear", "BTCUSDT-25DEC26", "dated"],
    ["spot", "BTCUSDT", "spot"],
  ] as const)("of %s %s is %s", (category, symbol, kind) => {
    expect(kindOf({ category, symbol })).toBe(kind);
  });
});
