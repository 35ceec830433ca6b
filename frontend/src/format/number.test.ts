import { describe, expect, it } from "vitest";
import { amount, decimalsOf, fixed, grouping, large, parseDecimal, percent, share, signed, stepped, twoReadings } from "./number";

describe("typed numbers", () => {
  it.each([
    ["60412.5", "60412.5"],
    ["60412,5", "60412.5"],
    ["60 412.5", "60412.5"],
    ["60\u202f412,50", "60412.5"],
    ["1,234.5", "1234.5"],
    ["1.234,5", "1234.5"],
    ["1,234,567", "1234567"],
    ["2.5k", "2500"],
    ["2,5К", "2500"],
    [".5", "0.5"],
    ["5.", "5"],
    ["-3", "-3"],
    ["\u22123", "-3"],
    ["0.000000000000000001", "0.000000000000000001"],
    ["123456789012345678901234.5", "123456789012345678901234.5"],
  ])("reads %j as %s", (typed, value) => {
    expect(parseDecimal(typed)).toBe(value);
  });

  it.each(["", " ", ".", "abc", "1e5", "1,23,4", "1.2.3,4", "12k5", "--1", "Infinity", "NaN", "0x10", "1..2"])(
    "does not take %j for a number",
    (typed) => {
      expect(parseDecimal(typed)).toBeNull();
    },
  );
});

describe("numbers to read", () => {
  it("pads prices to the decimals of the tick and groups by narrow spaces", () => {
    expect(stepped("60412.5", "0.01", "en")).toBe("60\u202f412.50");
    expect(stepped("60412.5", "0.10", "ru")).toBe("60\u202f412,5");
    expect(stepped("7", "5", "en")).toBe("7");
  });

  it("does not hide decimals of a price that is off the tick", () => {
    expect(stepped("60412.537", "0.1", "en")).toBe("60\u202f412.537");
  });

  it("shows a dash for what is unknown, never a zero", () => {
    expect([stepped(null, "0.1", "en"), amount(null, "en"), percent(undefined, "ru"), large("", "en")]).toEqual(["—", "—", "—", "—"]);
  });

  it("uses the true minus and no sign for zero", () => {
    expect(signed(amount("-12.4", "en"))).toBe("\u221212.40");
    expect(signed(amount("12.4", "en"))).toBe("+12.40");
    expect(signed(amount("0", "en"))).toBe("0.00");
    expect(grouping("-0.00", "en")).toBe("0.00");
    expect(percent("-0.0012", "en")).toBe("\u22120.12\u202f%");
  });

  it("rounds half to even", () => {
    expect([fixed("0.125", 2, "en"), fixed("0.135", 2, "en")]).toEqual(["0.12", "0.14"]);
  });

  it("gives amounts below one four decimals", () => {
    expect([amount("0.5", "en"), amount("1", "en"), amount("0", "en")]).toEqual(["0.5000", "1.00", "0.00"]);
  });

  it("shortens large numbers by the language", () => {
    expect([large("1240000", "en"), large("1240000", "ru"), large("12805", "en"), large("999.5", "en")]).toEqual([
      "1.24M",
      "1,24\u00a0млн",
      "12.80K",
      "999.50",
    ]);
  });

  it("never calls an order filled in full by rounding", () => {
    expect([share("0.999", "1"), share("1", "1"), share("0.4", "1"), share("0", "0")]).toEqual([99, 100, 40, 0]);
  });

  it("never writes an exponent", () => {
    expect(stepped("0.00000001", "0.00000001", "en")).toBe("0.00000001");
    expect(decimalsOf("0.0000001")).toBe(7);
  });
});

it("finds the two readings of a comma before three digits, in a language that groups by commas", () => {
  expect(twoReadings("60,412", "en")).toEqual(["60412", "60.412"]);
  expect(twoReadings(" 1,000 ", "en")).toEqual(["1000", "1.000"]);
  for (const plain of ["0,050", "60,4125", "60,41", "1,234,567", "60.412", "60 412,5", "-1,000", ",500"]) expect(twoReadings(plain, "en")).toBeNull();
  expect(twoReadings("60,412", "ru")).toBeNull();
});
