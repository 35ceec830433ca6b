import { expect, it } from "vitest";
import { anEvent } from "../../api/fixtures";
import { groupsIn, kindsOf, linesOf } from "./rows";

it("sets what followed under what led to it, so that a decision reads as one", () => {
  const events = [
    anEvent(1, { kind: "bar", payload: { decided: ["enter_long"] } }),
    anEvent(2, { kind: "signal", caused_by: 1 }),
    anEvent(3, { kind: "intent", caused_by: 2 }),
    anEvent(4, { kind: "bar", payload: { decided: [] } }),
    anEvent(5, { kind: "order", caused_by: 3 }),
    anEvent(6, { kind: "fill", caused_by: 5 }),
    anEvent(7, { kind: "note", caused_by: 4 }),
  ];
  expect(linesOf(events).map(({ event, depth, root }) => [event.seq, depth, root])).toEqual([
    [1, 0, 1],
    [2, 1, 1],
    [3, 2, 1],
    [4, 0, 4],
    [5, 3, 1],
    [6, 3, 1],
    [7, 0, 4],
  ]);
});

it("begins a group with an event whose cause is not held", () => {
  expect(linesOf([anEvent(9, { caused_by: 3 }), anEvent(10, { caused_by: 9 })]).map(({ depth, root }) => [depth, root])).toEqual([
    [0, 9],
    [1, 9],
  ]);
});

it("reads the groups of an address in one order, and drops what is none", () => {
  expect(groupsIn("fills,nonsense,bars")).toEqual(["bars", "fills"]);
  expect(groupsIn(undefined)).toEqual([]);
  expect(kindsOf(["bars", "troubles"])).toEqual(["bar", "note", "error"]);
});
