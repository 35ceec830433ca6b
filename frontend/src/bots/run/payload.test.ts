import { expect, it } from "vitest";
import { folded, rulesOf, saidIn } from "./payload";

const BAR = {
  open_ms: 1,
  close: "60510",
  rules: [
    {
      name: "enter_long",
      value: false,
      parts: [
        { text: "rsi(close, 14) < 30", value: false },
        { text: "rsi(close, 14)", value: "34.2" },
        { text: "close > ema(close, 200)", value: true },
        { text: "close", value: "60510.0" },
        { text: "ema(close, 200)", value: "59870.5" },
      ],
    },
    { name: "enter_short", value: null, parts: [{ text: "rsi(close, 14) > 70", value: null }, { text: "rsi(close, 14)", value: null }] },
  ],
  decided: [],
};

it("reads a rule as conditions, each with the numbers that it compares", () => {
  const [long, short] = rulesOf(BAR);
  expect(long?.conditions.map(({ text, value, numbers }) => [text, value, numbers.map((each) => `${each.text}=${each.value}`)])).toEqual([
    ["rsi(close, 14) < 30", false, ["rsi(close, 14)=34.2"]],
    ["close > ema(close, 200)", true, ["close=60510.0", "ema(close, 200)=59870.5"]],
  ]);
  expect(short?.conditions).toEqual([{ text: "rsi(close, 14) > 70", value: null, numbers: [{ text: "rsi(close, 14)", value: null }] }]);
});

it("folds a rule that is not true to what stands against it, and one that is true to all that holds", () => {
  const [long, short] = rulesOf(BAR).map(folded);
  expect(long?.because.map(({ text }) => text)).toEqual(["rsi(close, 14) < 30"]);
  expect(short?.because.map(({ text }) => text)).toEqual(["rsi(close, 14) > 70"]);
  const met = rulesOf({ rules: [{ name: "enter_long", value: true, parts: [{ text: "a < b", value: true }, { text: "c < d", value: true }] }] })[0];
  expect(met === undefined ? null : folded(met).because.length).toBe(2);
});

it("folds a rule without parts to nothing, and reads what is no rule as none", () => {
  expect(rulesOf({ rules: [{ name: "x", value: false }, null, 3, { value: true }] }).map(folded)).toEqual([{ rule: "x", value: false, because: [] }]);
  expect(rulesOf({})).toEqual([]);
});

it("reads a code with its parameters, whatever type they have", () => {
  expect(saidIn({ code: "bar.missing", params: { bars: 3, from: "x" }, exchange_text: "no" })).toEqual({ code: "bar.missing", params: { bars: "3", from: "x" }, quote: "no" });
  expect([saidIn(null), saidIn({ params: {} })]).toEqual([null, null]);
});
