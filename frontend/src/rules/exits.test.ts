import { expect, it } from "vitest";
import { anInstrument } from "../api/fixtures";
import { exitPrice, percentAway } from "./exits";

const coarse = anInstrument({ tick_size: "0.5" });

it("puts a stop and a target on the right side of the entry, never further than was asked", () => {
  const one = { unit: "percent", value: "1.01" } as const;
  // 1.01 % of 60 000 is 606: 59 394 and 60 606 lie on the tick of a half; of 60 000.5 they are 59 394.495 and 60 606.505.
  expect([exitPrice(coarse, "Buy", "stop_loss", "60000", one), exitPrice(coarse, "Buy", "take_profit", "60000", one)]).toEqual(["59394", "60606"]);
  expect([exitPrice(coarse, "Buy", "stop_loss", "60000.5", one), exitPrice(coarse, "Buy", "take_profit", "60000.5", one)]).toEqual(["59394.5", "60606.5"]);
  expect([exitPrice(coarse, "Sell", "stop_loss", "60000.5", one), exitPrice(coarse, "Sell", "take_profit", "60000.5", one)]).toEqual(["60606.5", "59394.5"]);
});

it("measures R by the distance of the stop", () => {
  const twice = { unit: "r", value: "2", stopLoss: "59000" } as const;
  expect(exitPrice(coarse, "Buy", "take_profit", "60000", twice)).toBe("62000");
  expect(exitPrice(coarse, "Sell", "take_profit", "58000", twice)).toBe("56000");
});

it("knows no price for no distance, nor below zero", () => {
  expect(exitPrice(coarse, "Buy", "stop_loss", "60000", { unit: "percent", value: "0" })).toBeNull();
  expect(exitPrice(coarse, "Buy", "stop_loss", "60000", { unit: "percent", value: "100" })).toBeNull();
  expect([percentAway("59400", "60000"), percentAway("60606", "60000")]).toEqual(["-1", "1.01"]);
});
