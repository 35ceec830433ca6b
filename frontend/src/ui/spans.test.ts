import { expect, it } from "vitest";
import { drawn, rowAt, spansOf } from "./spans";

const keys = Array.from({ length: 100_000 }, (_, at) => at);

it("places rows one under the other, each with its own height or the estimate", () => {
  const spans = spansOf(["a", "b", "c"], new Map([["b", 100]]), 30);
  expect([[...spans.tops], spans.total]).toEqual([[0, 30, 130], 160]);
  expect([rowAt(spans, 0), rowAt(spans, 29), rowAt(spans, 30), rowAt(spans, 129), rowAt(spans, 500)]).toEqual([0, 0, 1, 1, 2]);
});

it("draws what is in sight and a little more, however long the list is", () => {
  const spans = spansOf(keys, new Map(), 30);
  expect(drawn(spans, 0, 600, 10)).toEqual([0, 30]);
  expect(drawn(spans, 1_500_000, 600, 10)).toEqual([49_990, 50_030]);
  expect(drawn(spans, spans.total - 600, 600, 10)).toEqual([99_970, 99_999]);
});

it("has nothing to draw of nothing", () => {
  const spans = spansOf([], new Map(), 30);
  expect([spans.total, rowAt(spans, 10), drawn(spans, 0, 600, 10)]).toEqual([0, 0, [0, -1]]);
});
