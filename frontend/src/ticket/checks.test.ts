import { expect, it } from "vitest";
import { aPair, aPosition, aTicker, anAccount, anInstrument } from "../api/fixtures";
import type { Preview } from "../api/types";
import type { Facts } from "./asked";
import { check, type Surroundings } from "./checks";
import type { TicketFields } from "./fields";
import { intentOf, previewBody } from "./intents";
import { freshTicket, type Ticket } from "./state";

const instrument = anInstrument();
const balances = {
  total_equity: "10000",
  total_available: "10000",
  coins: [{ coin: "USDT", available: "1000" }],
  updated_ms: 0,
} as unknown as Facts["balances"];
const facts: Facts = {
  leverage: "10",
  fees: { maker: "0.0002", taker: "0.00055" },
  feesAssumed: false,
  position: null,
  known: true,
  balances,
  marginMode: "REGULAR_MARGIN",
  positionMode: "one_way",
};
const around: Surroundings = {
  instrument,
  ticker: aTicker(),
  book: null,
  facts,
  can: anAccount().capabilities,
  link: "up",
  prices: "fresh",
  account: "ready",
  bar: null,
  acceptsOldPrice: false,
  language: "en",
};
const spot: Surroundings = { ...around, instrument: aPair() };
const ticket = (fields: Partial<TicketFields>): Ticket => {
  const fresh = freshTicket("id");
  return { ...fresh, fields: { ...fresh.fields, ...fields } };
};
const good = ticket({ price: "59 000,5", quantity: "0,05" });
const leg = freshTicket("id").fields.stopLoss;
const intent = (fields: Partial<TicketFields>, where: Surroundings = around) => {
  const written = ticket(fields);
  const checked = check(written, where);
  return intentOf(written, checked, where.instrument) ?? checked.block;
};
const code = (fields: Partial<TicketFields>, where: Surroundings = around): string | undefined => {
  const { block } = check(ticket(fields), where);
  return block?.kind === "rule" ? block.finding.code : block?.kind === "empty" ? block.field : block?.kind;
};

it("turns a good ticket into an intent of plain decimals", () => {
  const checked = check(good, around);
  expect(checked.block).toBeNull();
  expect(checked.asked.preview.orderValue).toBe("2950.025");
  expect(intentOf(good, checked, instrument)).toMatchObject({ id: "id", price: "59000.5", quantity: "0.05", time_in_force: "GTC", slippage_percent: null });
});

it("sends a market order without a price and as IOC, whatever was typed before, with its slippage", () => {
  expect(check(ticket({ kind: "Market", price: "1", quantity: "0.05" }), around).asked.preview.expectedPrice).toBe("60000.1");
  expect(intent({ kind: "Market", price: "1", quantity: "0.05", slippage: "1,5 %" })).toMatchObject({ price: null, time_in_force: "IOC", slippage_percent: "1.5" });
  expect(code({ kind: "Market", quantity: "0.05", slippage: " " })).toBe("slippage_percent");
  expect(code({ kind: "Market", quantity: "0.05", slippage: "11" })).toBe("order.slippage_range");
});

it("names the first thing to fix, in the order of the form", () => {
  const said = [
    code({}),
    code({ price: "abc" }),
    code({ price: "60000.05", quantity: "0.05" }),
    code({ price: "60000" }),
    code({ price: "60000", quantity: "0.00001" }),
    code({ kind: "StopLimit", price: "61000", quantity: "0.05" }),
  ];
  expect(said).toEqual(["price", "not_a_number", "order.price_tick", "quantity", "order.quantity_min", "trigger.price"]);
});

it("does not call untouched fields faulty", () => {
  expect(check(ticket({}), around).problems).toEqual([]);
  expect(check(ticket({ kind: "StopLimit", exits: true }), around).problems).toEqual([]);
});

it("sends nothing without a link, and only what reduces while the account is not ready", () => {
  expect(check(good, { ...around, link: "down" }).block?.kind).toBe("link");
  expect(check(good, { ...around, account: "not_ready" }).block?.kind).toBe("account");
  const reducing = ticket({ side: "Sell", price: "61000", quantity: "0.05", reduceOnly: true });
  const holding = { ...around, facts: { ...facts, position: aPosition() } };
  expect(check(good, { ...holding, link: "reconnecting" }).block?.kind).toBe("link");
  expect(check(reducing, { ...holding, link: "reconnecting" }).block).toBeNull();
  expect(check(reducing, { ...holding, link: "down" }).block?.kind).toBe("link");
  expect(check(reducing, { ...holding, account: "not_ready" }).block).toBeNull();
  expect(code(reducing.fields)).toBe("order.nothing_to_reduce");
  // Whether there is something to reduce is the exchange's to say while nobody knows it for sure.
  expect(code(reducing.fields, { ...around, account: "not_ready", facts: { ...facts, known: false } })).toBeUndefined();
});

it("asks for consent to an old price, and refuses market orders on one; a trigger is not set off by it", () => {
  const old = { ...around, prices: "old" } as const;
  expect(check(good, old).block?.kind).toBe("stale_limit");
  expect(check(good, { ...old, acceptsOldPrice: true }).block).toBeNull();
  expect(code({ kind: "Market", quantity: "0.05" }, { ...old, acceptsOldPrice: true })).toBe("stale_market");
  const waiting = { kind: "StopMarket", trigger: "61000", quantity: "0.05" } as const;
  expect(code(waiting, old)).toBe("stale_limit");
  expect(code(waiting, { ...old, acceptsOldPrice: true })).toBeUndefined();
});

it("warns of a price far through the market, a post-only that would execute, and a thin book", () => {
  const warned = (fields: Partial<TicketFields>, where = around) => check(ticket(fields), where).warnings.map((each) => each.code);
  expect(warned({ price: "66000", quantity: "0.05" })).toContain("order.far_price");
  expect(warned({ price: "60000.1", quantity: "0.05", timeInForce: "PostOnly" })).toEqual(["order.would_execute"]);
  const thin = { ...around, book: { bids: [], asks: [["60000.1", "0.3"], ["61000", "5"]] } };
  expect(warned({ kind: "Market", quantity: "0.05" }, thin)).toEqual([]);
  const found = check(ticket({ kind: "Market", quantity: "0.5" }), thin).warnings;
  expect(found).toContainEqual({ code: "order.book_depth", field: "slippage_percent", params: { covered: "0.3", coin: "BTC", percent: "0.5" } });
});

it("does not choose between two readings of one comma", () => {
  const dollars = ticket({ side: "Sell", price: "60,500", quantity: "0.05" });
  const checked = check(dollars, around);
  expect(checked.asked.readings.price).toEqual({ kind: "ambiguous", typed: "60,500", readings: ["60500", "60.500"] });
  expect(checked.block).toMatchObject({ kind: "ambiguous", field: "price" });
  expect(intentOf(dollars, checked, instrument)).toBeNull();
  expect(check(ticket({ price: "60500", quantity: "1,000" }), around).block).toMatchObject({ kind: "ambiguous", field: "quantity" });
  expect(check(dollars, { ...around, language: "ru" }).asked.readings.price).toMatchObject({ kind: "number", value: "60.5" });
});

it("derives the trigger's direction from the price it watches, and keeps the one it was typed with", () => {
  const stop = { kind: "StopMarket", trigger: "61000", quantity: "0.05" } as const;
  expect(intent(stop)).toMatchObject({ order_type: "Market", trigger: { price: "61000", by: "LastPrice", rises: true } });
  expect(intent({ ...stop, trigger: "59000" })).toMatchObject({ trigger: { rises: false } });
  const risen = { ...around, ticker: aTicker({ last_price: "61000.1" }) };
  expect(intent(stop, risen)).toMatchObject({ trigger: { rises: false } });
  expect(code({ ...stop, triggerRises: true }, risen)).toBe("order.trigger_passed");
  expect(code({ ...stop, trigger: "60000" })).toBe("order.trigger_is_current");
  expect(code({ ...stop, triggerBy: "IndexPrice" }, { ...around, ticker: aTicker({ index_price: null }) })).toBe("no_trigger_price");
});

it("places exits by price, percent and R, rounded towards the entry", () => {
  const entry = { price: "60000", quantity: "0.05", exits: true } as const;
  const stop = { ...leg, text: "1,5%" };
  expect(intent({ ...entry, stopLoss: stop })).toMatchObject({ stop_loss: { trigger_price: "59100", trigger_by: "LastPrice", limit_price: null }, take_profit: null });
  expect(intent({ ...entry, stopLoss: stop, takeProfit: { ...leg, text: "2", unit: "r" } })).toMatchObject({ take_profit: { trigger_price: "61800" } });
  expect(intent({ ...entry, stopLoss: { ...leg, text: "59000", isLimit: true, limit: "58 900" } })).toMatchObject({ stop_loss: { trigger_price: "59000", limit_price: "58900" } });
  expect(code({ ...entry })).toBe("no_exits");
  expect(code({ ...entry, takeProfit: { ...leg, text: "2R", unit: "r" } })).toBe("exits.r_needs_stop");
  expect(code({ ...entry, stopLoss: { ...leg, text: "60500" } })).toBe("order.exit_must_be_below");
  expect(code({ ...entry, stopLoss: { ...leg, text: "59000", isLimit: true } })).toBe("stop_loss.limit_price");
  // A reduce-only order takes none, whatever was typed before.
  const reducing = { ...entry, side: "Sell", reduceOnly: true, stopLoss: stop } as const;
  expect(intent(reducing, { ...around, facts: { ...facts, position: aPosition() } })).toMatchObject({ stop_loss: null });
});

it("turns an amount, a share and a risk into a quantity, and asks the server in the unit that was typed", () => {
  expect(intent({ price: "60000", quantity: "3k", unit: "quote" })).toMatchObject({ quantity: "0.05", quantity_unit: "base" });
  expect(intent({ price: "60000", quantity: "50", unit: "percent" })).toMatchObject({ quantity: "0.824" });
  expect(intent({ price: "60000", quantity: "50 %" })).toMatchObject({ quantity: "0.824" });
  const risk = { price: "60000", quantity: "1%", unit: "risk", exits: true, stopLoss: { ...leg, text: "59000" } } as const;
  // 1 % of 10 000 over 1000 of distance and 65.45 of fees a coin.
  expect(intent(risk)).toMatchObject({ quantity: "0.093" });
  expect(previewBody(check(ticket(risk), around).asked, instrument)).toMatchObject({ quantity: "100", quantity_unit: "risk" });
  expect(code({ price: "60000", quantity: "100", unit: "risk" })).toBe("sizing.risk_needs_stop");
  expect(code({ price: "60000", quantity: "1", unit: "quote" })).toBe("sizing.too_small");
});

it("names a spot market buy by its cost, everything else on spot by its coin, and knows no positions there", () => {
  const amount = { kind: "Market", quantity: "100,50" } as const;
  expect(intent(amount, spot)).toMatchObject({ category: "spot", quantity: "100.5", quantity_unit: "quote" });
  expect(check(ticket({ kind: "Market", quantity: "1%" }), spot).asked.draft).toMatchObject({ quantityUnit: "base" });
  expect(intent({ price: "60000", quantity: "0.001" }, spot)).toMatchObject({ quantity: "0.001", quantity_unit: "base" });
  expect(code({ kind: "Market", quantity: "5000" }, spot)).toBe("order.available");
  expect(code({ side: "Sell", price: "60000", quantity: "0.001" }, spot)).toBe("order.available");
  expect(code({ kind: "Market", quantity: "100", exits: true, stopLoss: { ...leg, text: "1%" } }, spot)).toBe("order.exits_spot_limit");
});

it("reads a price with a signed percent as a distance from the market", () => {
  expect(intent({ price: "-1%", quantity: "0.05" })).toMatchObject({ price: "59400" });
  expect(intent({ side: "Sell", price: "+0,05%", quantity: "0.05" })).toMatchObject({ price: "60030" });
  expect(code({ price: "1%", quantity: "0.05" })).toBe("not_a_number");
});

it("says what the account cannot do before anything else of the form", () => {
  const can = { ...around.can, can_place_conditional: false };
  expect(check(ticket({ kind: "StopMarket" }), { ...around, can }).block).toEqual({ kind: "cannot", what: "conditional" });
  expect(check(ticket({}), { ...spot, can: { ...can, can_trade_spot: false } }).block).toEqual({ kind: "cannot", what: "spot" });
});

it("says before all else why nobody here may send anything, also what reduces", () => {
  for (const bar of ["viewer", "read_only"] as const) {
    expect(check(ticket({ reduceOnly: true }), { ...around, bar, link: "down" }).block).toEqual({ kind: bar });
  }
});

it("lets the server's findings of the same fields take the place of its own", () => {
  const problem = { code: "order.available", field: "quantity", params: { cost: "1", available: "0", coin: "USDT" } };
  const said = { problems: [problem], warnings: [] } as unknown as Preview;
  expect(check(good, around, said).block).toEqual({ kind: "rule", finding: problem });
  const content = { problems: [], warnings: [] } as unknown as Preview;
  expect(check(ticket({ price: "66000", quantity: "0.05" }), around, content).warnings).toEqual([]);
});

it("takes the server's word for what a share comes to, also where the page cannot work it out", () => {
  const share = ticket({ price: "60000", quantity: "50", unit: "percent" });
  const unread = { ...around, facts: { ...facts, leverage: null } };
  expect(code(share.fields, unread)).toBe("sizing.needs_leverage");
  const said = { quantity: "0.82", problems: [], warnings: [] } as unknown as Preview;
  const checked = check(share, unread, said);
  expect(intentOf(share, checked, instrument)).toMatchObject({ quantity: "0.82", quantity_unit: "base" });
  // A quantity in base coin is the person's own.
  expect(check(good, around, said).asked.draft.quantity).toBe("0.05");
});
