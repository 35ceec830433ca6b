import { describe, expect, it } from "vitest";
import type { Instrument, SizingUnit } from "../api/types";
import type { Finding } from "./order";
import { quantityOf, type Sizing } from "./sizing";
import { camel, listed, vectors, type Json } from "./vectors";

type Case = { name: string; instrument: string; unit: SizingUnit; value: string; by: Json; quantity: string | null; problem: Finding | null };
const shared = vectors<{ instruments: Record<string, Instrument>; cases: Case[] }>("sizing");

describe("a wish comes to the quantity of the shared vector", () => {
  it.each(shared.cases.map((each) => [each.name, each] as const))("%s", (_name, { instrument, unit, value, by, quantity, problem }) => {
    const found = quantityOf(listed(shared.instruments, instrument), unit, value, camel<Sizing>(by));
    expect(found).toEqual(problem === null ? { kind: "quantity", quantity } : { kind: "missing", finding: problem });
  });
});
