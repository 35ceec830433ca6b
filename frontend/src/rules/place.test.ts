import { describe, expect, it } from "vitest";
import type { Instrument } from "../api/types";
import type { Finding } from "./order";
import type { Quotes, Standing } from "./parts";
import { placeProblems, placeWarnings, type Draft } from "./place";
import { camel, listed, vectors, type Json } from "./vectors";

type Case = { name: string; instrument: string; draft: Json; quotes: Json; standing: Json; problems: Finding[]; warnings: Finding[] };
const shared = vectors<{ instruments: Record<string, Instrument>; cases: Case[] }>("draft_rules");

describe("an order has exactly the problems and warnings of the shared vector", () => {
  it.each(shared.cases.map((each) => [each.name, each] as const))("%s", (_name, { instrument, draft, quotes, standing, problems, warnings }) => {
    const asked = [listed(shared.instruments, instrument), camel<Draft>(draft), camel<Quotes>(quotes), camel<Standing>(standing)] as const;
    expect({ problems: placeProblems(...asked), warnings: placeWarnings(...asked) }).toEqual({ problems, warnings });
  });

  it("has enough vectors to mean something", () => {
    expect(shared.cases.length).toBeGreaterThan(60);
  });
});
