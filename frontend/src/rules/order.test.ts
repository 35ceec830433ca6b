import { readFileSync } from "node:fs";
import Big from "big.js";
import { describe, expect, it } from "vitest";
import type { Instrument, OrderType, Side } from "../api/types";
import { orderProblems, toStepUp } from "./order";

type Case = {
  name: string;
  instrument: string;
  order: { side: Side; order_type: OrderType; quantity: string; price: string | null; reference_price: string | null; reduce_only: boolean };
  problems: unknown[];
};
const shared = JSON.parse(readFileSync("../tests/data/order_rules.json", "utf8")) as {
  instruments: Record<string, Instrument>;
  cases: Case[];
};

describe("an order has exactly the problems of the shared vector", () => {
  it.each(shared.cases.map((each) => [each.name, each] as const))("%s", (_name, { instrument, order, problems }) => {
    const rules = shared.instruments[instrument];
    if (rules === undefined) throw new Error(`no instrument ${instrument}`);
    const found = orderProblems(rules, {
      side: order.side,
      orderType: order.order_type,
      quantity: order.quantity,
      price: order.price,
      referencePrice: order.reference_price,
      reduceOnly: order.reduce_only,
    });
    expect(found).toEqual(problems);
  });

  it("has enough vectors to mean something", () => {
    expect(shared.cases.length).toBeGreaterThan(40);
  });
});

it("rounds up to the grid only what is off it", () => {
  expect(toStepUp(new Big("7.07"), new Big("0.05")).toFixed()).toBe("7.1");
  expect(toStepUp(new Big("7.05"), new Big("0.05")).toFixed()).toBe("7.05");
});
