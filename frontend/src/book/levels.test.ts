import { expect, it } from "vitest";
import type { Book } from "../api/types";
import { isBroken, ownPrices, rowsOf } from "./levels";

const book: Book = {
  category: "linear",
  symbol: "BTCUSDT",
  bids: [["100.0", "1"], ["99.9", "2"], ["99.4", "3"], ["98.1", "4"]],
  asks: [["100.1", "1"], ["100.6", "2"], ["101.2", "5"]],
  exchange_time_ms: 0,
};

it("shows the levels as they are at the tick", () => {
  const rows = rowsOf(book, "0.1", 1, 2);
  expect(rows.asks.map((each) => [each.price, each.size])).toEqual([["100.1", "1"], ["100.6", "2"]]);
  expect(rows.bids.map((each) => [each.price, each.size])).toEqual([["100", "1"], ["99.9", "2"]]);
  expect([rows.spread, rows.mid]).toEqual(["0.1", "100.05"]);
});

it("groups bids downwards and asks upwards and adds their sizes", () => {
  const rows = rowsOf(book, "0.1", 10, 5);
  expect(rows.bids.map((each) => [each.price, each.size])).toEqual([["100", "1"], ["99", "5"], ["98", "4"]]);
  expect(rows.asks.map((each) => [each.price, each.size])).toEqual([["101", "3"], ["102", "5"]]);
  expect(rows.bids.at(-1)?.share).toBe(1);
});

it("marks the level of an own order in the group where it stands", () => {
  const own = ownPrices([{ side: "Buy", price: "99.4" }, { side: "Sell", price: "100.6" }], "0.1", 10);
  expect([...own]).toEqual(["Buy:99", "Sell:101"]);
});

it("does not believe a book whose sides have passed each other, or that has one side", () => {
  expect(isBroken(book)).toBe(false);
  expect(isBroken({ ...book, bids: [["100.2", "1"]] })).toBe(true);
  expect(isBroken({ ...book, asks: [] })).toBe(true);
});
