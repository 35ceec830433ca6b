import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Instrument, Ticker } from "../api/types";
import { check, intentOf, stepped, type Surroundings } from "./checks";
import { freshTicket, type Ticket, type TicketFields } from "./state";

const rules = JSON.parse(readFileSync("../tests/data/order_rules.json", "utf8")) as { instruments: { BTC: Instrument } };
const instrument = rules.instruments.BTC;
const ticker = { last_price: "60000", mark_price: "60000", bid_price: "59999.9", ask_price: "60000.1" } as Ticker;
const around: Surroundings = { instrument, ticker, link: "up", prices: "fresh", account: "ready", mayTrade: true, acceptsOldPrice: false, language: "en" };
const ticket = (fields: Partial<TicketFields>): Ticket => {
  const fresh = freshTicket("id");
  return { ...fresh, fields: { ...fresh.fields, ...fields } };
};
const good = ticket({ price: "59 000,5", quantity: "0,05" });

it("turns a good ticket into an intent of plain decimals", () => {
  const checked = check(good, around);
  expect(checked.block).toBeNull();
  expect(checked.value).toBe("2950.025");
  expect(intentOf(good, checked, instrument)).toMatchObject({ id: "id", price: "59000.5", quantity: "0.05", time_in_force: "GTC" });
});

it("sends a market order without a price and as IOC, whatever was typed before", () => {
  const market = ticket({ orderType: "Market", price: "1", quantity: "0.05" });
  const checked = check(market, around);
  expect(checked.expectedPrice).toBe("60000.1");
  expect(intentOf(market, checked, instrument)).toMatchObject({ price: null, time_in_force: "IOC" });
});

it("names the first thing to fix, in the order of the form", () => {
  const kinds = [
    check(ticket({}), around).block,
    check(ticket({ price: "abc" }), around).block,
    check(ticket({ price: "60000.05", quantity: "0.05" }), around).block,
    check(ticket({ price: "60000" }), around).block,
    check(ticket({ price: "60000", quantity: "0.00001" }), around).block,
  ].map((block) => (block?.kind === "rule" ? block.problem.code : block?.kind));
  expect(kinds).toEqual(["price", "not_a_number", "order.price_tick", "quantity", "order.quantity_min"]);
});

it("does not call untouched fields faulty", () => {
  expect(check(ticket({}), around).problems).toEqual([]);
});

it("sends nothing without a link, and only what reduces while the account is not ready", () => {
  expect(check(good, { ...around, link: "down" }).block?.kind).toBe("link");
  expect(check(good, { ...around, account: "not_ready" }).block?.kind).toBe("account");
  const reducing = ticket({ price: "59000", quantity: "0.05", reduceOnly: true });
  expect(check(good, { ...around, link: "reconnecting" }).block?.kind).toBe("link");
  expect(check(reducing, { ...around, link: "reconnecting" }).block).toBeNull();
  expect(check(reducing, { ...around, link: "down" }).block?.kind).toBe("link");
  expect(check(reducing, { ...around, account: "not_ready" }).block).toBeNull();
});

it("asks for consent to an old price, and refuses market orders on one", () => {
  const old = { ...around, prices: "old" } as const;
  expect(check(good, old).block?.kind).toBe("stale_limit");
  expect(check(good, { ...old, acceptsOldPrice: true }).block).toBeNull();
  const market = ticket({ orderType: "Market", quantity: "0.05" });
  expect(check(market, { ...old, acceptsOldPrice: true }).block?.kind).toBe("stale_market");
});

it("warns of a price far through the market and of a post-only that would execute", () => {
  expect(check(ticket({ price: "66000", quantity: "0.05" }), around)).toMatchObject({ warnings: ["far_price"], farPercent: "10.0", block: null });
  expect(check(ticket({ price: "60000.1", quantity: "0.05", timeInForce: "PostOnly" }), around).warnings).toEqual(["would_execute"]);
  expect(check(ticket({ side: "Sell", price: "66000", quantity: "0.05" }), around).warnings).toEqual([]);
});

it("steps on the grid, from a value between two steps to the next one, and not below zero", () => {
  expect([stepped("60000", "0.1", 1, null), stepped("60000.05", "0.1", 1, null), stepped("60000.05", "0.1", -1, null)]).toEqual([
    "60000.1",
    "60000.1",
    "60000",
  ]);
  expect([stepped("", "0.001", 10, "0"), stepped("0.001", "0.001", -10, null), stepped("", "0.1", 1, null)]).toEqual(["0.01", "0", null]);
});

it("does not choose between two readings of one comma", () => {
  const dollars = ticket({ side: "Sell", price: "60,500", quantity: "0.05" });
  const checked = check(dollars, around);
  expect(checked.price).toEqual({ kind: "ambiguous", typed: "60,500", readings: ["60500", "60.500"] });
  expect(checked.block).toMatchObject({ kind: "ambiguous", field: "price" });
  expect(intentOf(dollars, checked, instrument)).toBeNull();
  expect(check(ticket({ price: "60500", quantity: "1,000" }), around).block).toMatchObject({ kind: "ambiguous", field: "quantity" });
  expect(check(dollars, { ...around, language: "ru" }).price).toEqual({ kind: "number", value: "60.5" });
});
