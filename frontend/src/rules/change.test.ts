import { describe, expect, it } from "vitest";
import type { Instrument } from "../api/types";
import { amendProblems, exitsProblems, leverageProblems, type Amendable, type OrderChange, type PositionExits } from "./change";
import type { Finding } from "./order";
import type { Quotes, Standing } from "./parts";
import { camel, listed, vectors, type Json } from "./vectors";

type Of<T> = T & { name: string; instrument: string; problems: Finding[] };
const shared = vectors<{
  instruments: Record<string, Instrument>;
  amends: Of<{ order: Json; change: Json; quotes: Json }>[];
  exits: Of<{ exits: Json; quotes: Json; standing: Json }>[];
  leverages: Of<{ leverage: string; position_value: string | null }>[];
}>("change_rules");
const named = <T extends { name: string }>(cases: readonly T[]) => cases.map((each) => [each.name, each] as const);

describe("a change has exactly the problems of the shared vector", () => {
  it.each(named(shared.amends))("amend: %s", (_name, { instrument, order, change, quotes, problems }) => {
    const rules = listed(shared.instruments, instrument);
    expect(amendProblems(rules, camel<Amendable>(order), camel<OrderChange>(change), camel<Quotes>(quotes))).toEqual(problems);
  });

  it.each(named(shared.exits))("exits: %s", (_name, { instrument, exits, quotes, standing, problems }) => {
    const rules = listed(shared.instruments, instrument);
    expect(exitsProblems(rules, camel<PositionExits>(exits), camel<Quotes>(quotes), camel<Standing>(standing))).toEqual(problems);
  });

  it.each(named(shared.leverages))("leverage: %s", (_name, { instrument, leverage, position_value, problems }) => {
    expect(leverageProblems(listed(shared.instruments, instrument), leverage, position_value)).toEqual(problems);
  });
});
