import { expect, it } from "vitest";
import { anEvent } from "../../api/fixtures";
import { chainsOf, countOf, lastOf, type Node } from "./trace";

const shape = (node: Node): unknown => [node.event.kind, node.latencyMs, ...node.children.map(shape)];
const CHAIN = [
  anEvent(1, { kind: "signal", caused_by: 99, at_ms: 100 }),
  anEvent(2, { kind: "intent", caused_by: 1, intent_id: "i1", at_ms: 104 }),
  anEvent(3, { kind: "order", caused_by: 2, intent_id: "i1", at_ms: 290 }),
  anEvent(5, { kind: "fill", caused_by: 3, intent_id: "i1", at_ms: 900 }),
  anEvent(6, { kind: "fill", caused_by: 3, intent_id: "i1", at_ms: 950 }),
];

it("walks from the wish to its fills by what caused what, with the time of each hop", () => {
  const [chain] = chainsOf(CHAIN, true);
  expect(chain === undefined ? null : [shape(chain.node), chain.isOrphan]).toEqual([
    ["signal", null, ["intent", 4, ["order", 186, ["fill", 610], ["fill", 660]]]],
    false,
  ]);
  expect(chain === undefined ? null : [countOf(chain.node), lastOf(chain.node).seq]).toEqual([5, 6]);
});

it("finds the way by the intent where the cause itself is no part of a trace", () => {
  const chains = chainsOf([...CHAIN, anEvent(9, { kind: "trade", caused_by: 7 }), anEvent(10, { kind: "order", caused_by: 8, intent_id: "i1" })], true);
  expect(chains.map(({ node, isOrphan }) => [node.event.seq, isOrphan])).toEqual([
    [9, true],
    [1, false],
  ]);
});

it("calls nothing an orphan whose cause may be further up", () => {
  expect(chainsOf([anEvent(8, { kind: "fill", caused_by: 2 })], false).map(({ isOrphan }) => isOrphan)).toEqual([false]);
});
