import { expect, it } from "vitest";
import { readTerminalSearch } from "../terminal/search";
import { ownAddress, readLoginSearch } from "./next";

it("leads to addresses of this page only, as a browser would read them", () => {
  for (const own of ["/", "/terminal/a/linear/BTCUSDT?tab=fills", "/%2f%2fevil.example", "/a//evil.example"]) expect(ownAddress(own)).toBe(own);
  const elsewhere = ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "\\\\evil.example", "javascript:alert(1)", "evil", ""];
  for (const other of [...elsewhere, null, 1, { toString: () => "/" }]) expect(ownAddress(other)).toBeUndefined();
});

it("names every key of an address, so that nothing unread is handed on", () => {
  const nonsense = { next: "https://evil.example", reason: "x", tf: "7m", tab: "x", scope: "x" };
  expect(Object.keys(readLoginSearch(nonsense)).sort()).toEqual(["next", "reason"]);
  expect(Object.values(readLoginSearch(nonsense))).toEqual([undefined, undefined]);
  expect(Object.keys(readTerminalSearch(nonsense)).sort()).toEqual(["scope", "tab", "tf"]);
  expect(Object.values(readTerminalSearch(nonsense))).toEqual([undefined, undefined, undefined]);
});
