import Big from "big.js";
import { describe, expect, it } from "vitest";
import type { Instrument } from "../api/types";
import { plain } from "../format/number";
import type { Quotes } from "./parts";
import type { Draft } from "./place";
import { previewOf, type Depth, type Holding, type Means, type OrderPreview } from "./preview";
import { camel, listed, vectors, type Json } from "./vectors";

type Case = { name: string; instrument: string; draft: Json; quotes: Json; book: Json; held: Json; means: Json; preview: Json };
const shared = vectors<{ instruments: Record<string, Instrument>; cases: Case[] }>("preview");

/** Numbers are compared by value: `62000.00` is `62000`. */
function byValue<T>(preview: T): T {
  return JSON.parse(JSON.stringify(preview), (_key, each: unknown) =>
    typeof each === "string" && /^-?\d+(\.\d+)?$/.test(each) ? plain(new Big(each)) : each,
  ) as T;
}

describe("an order comes to the preview of the shared vector", () => {
  it.each(shared.cases.map((each) => [each.name, each] as const))("%s", (_name, row) => {
    const found = previewOf(
      listed(shared.instruments, row.instrument),
      camel<Draft>(row.draft),
      camel<Quotes>(row.quotes),
      camel<Depth | null>(row.book),
      camel<Holding>(row.held),
      camel<Means>(row.means),
    );
    expect(byValue(found)).toEqual(byValue(camel<OrderPreview>(row.preview)));
  });
});
