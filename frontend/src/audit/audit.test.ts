import { expect, it } from "vitest";
import { changesOf } from "./changes";
import { filterOf, readAuditSearch } from "./search";

it("tells before and after a line a field, nested ones by their path", () => {
  expect(changesOf({ state: "ok", kept: "1" }, { state: "removed", reason: { code: "x", params: { a: 1 } }, list: [1, "b"], none: null })).toEqual([
    { name: "state", before: "ok", after: "removed" },
    { name: "kept", before: "1", after: null },
    { name: "reason.code", before: null, after: "x" },
    { name: "reason.params.a", before: null, after: "1" },
    { name: "list", before: null, after: '[1,"b"]' },
  ]);
  expect(changesOf(null, null)).toEqual([]);
});

it("keeps the filters of an address that make sense and drops the rest", () => {
  const search = readAuditSearch({ from: "2026-01-05", to: "2026-13-45", who: "system", what: "order.place", result: "<script>", account: 7, id: "x" });
  expect(search).toEqual({ from: "2026-01-05", to: undefined, who: "system", what: "order.place", account: undefined, result: undefined, kind: undefined, id: "x" });
  expect(filterOf(search)).toEqual({ from_ms: Date.UTC(2026, 0, 5), actor: "system", action: "order.place", object_id: "x" });
});

it("takes the last day whole", () => {
  expect(filterOf({ to: "2026-01-05" })).toEqual({ to_ms: Date.UTC(2026, 0, 6) });
});
