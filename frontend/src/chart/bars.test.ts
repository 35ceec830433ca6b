import { expect, it } from "vitest";
import { merge, type Bar } from "./bars";
import { emptyPlaces } from "./gaps";

const bar = (openMs: number, close: string, confirmed = true): Bar => ({ openMs, open: "1", high: "2", low: "0", close, volume: "1", confirmed });

it("merges by opening time, the later word wins", () => {
  const merged = merge([bar(1, "a"), bar(3, "old", false)], [bar(2, "b"), bar(3, "new", false)]);
  expect(merged.map(({ openMs, close }) => [openMs, close])).toEqual([
    [1, "a"],
    [2, "b"],
    [3, "new"],
  ]);
});

it("does not undo a confirmed bar by a late unconfirmed one", () => {
  expect(merge([bar(1, "final")], [bar(1, "late", false)])[0]?.close).toBe("final");
});

it("shows a gap as empty places, a long one narrowed", () => {
  expect(emptyPlaces({ from_ms: 60_000, to_ms: 240_000 }, 60_000)).toEqual([60, 120, 180]);
  const month = emptyPlaces({ from_ms: 0, to_ms: 30 * 86_400_000 }, 60_000);
  expect(month).toHaveLength(60);
  expect(new Set(month).size).toBe(60);
});
