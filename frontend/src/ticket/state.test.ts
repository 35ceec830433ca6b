// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { OrderStatus, PlaceIntent } from "../api/types";
import { aPlace } from "../api/fixtures";
import { newIntentId } from "../api/intent";
import { loadDraft, saveDraft } from "./draft";
import { awaitedIntent, freshTicket, isEditable, ticketReducer, type Ticket } from "./state";

const body = (id: string): PlaceIntent => aPlace({ id });

function typed(): Ticket {
  const change = { side: "Sell", price: "60412.5", quantity: "0.05", timeInForce: "PostOnly" } as const;
  return ticketReducer(freshTicket("first"), { kind: "edited", change });
}
const sending = (): Ticket => ticketReducer(typed(), { kind: "submitted", body: body("first") });
const answered = (ticket: Ticket, status: OrderStatus, intent = "first"): Ticket =>
  ticketReducer(ticket, { kind: "answered", answer: { intent_id: intent, status, reason: null }, nextId: "second" });

describe("a ticket", () => {
  it("is cleared by an acknowledgement and gets a new intent, keeping how the person trades", () => {
    const after = answered(sending(), "acknowledged");
    expect(after).toMatchObject({ intentId: "second", phase: { kind: "editing" } });
    expect(after.fields).toMatchObject({ side: "Sell", timeInForce: "PostOnly", price: "", quantity: "" });
  });

  it.each(["working", "partially_filled", "filled", "cancelled", "expired"] as const)("is cleared by %s too", (status) => {
    expect(answered(sending(), status).fields.quantity).toBe("");
  });

  it.each(["refused", "rejected", "not_sent", "not_placed"] as const)("keeps its values after %s, with a new intent", (status) => {
    const after = answered(sending(), status);
    expect(after).toMatchObject({ intentId: "second", fields: { price: "60412.5", quantity: "0.05" }, phase: { kind: "turned_down", status } });
    expect(isEditable(after.phase)).toBe(true);
  });

  it("stays shut with the same intent while that one is unknown, and opens by evidence", () => {
    const unknown = answered(sending(), "unknown");
    expect(unknown).toMatchObject({ intentId: "first", phase: { kind: "waiting", status: "unknown" } });
    expect(ticketReducer(unknown, { kind: "edited", change: { quantity: "9" } })).toBe(unknown);
    expect(ticketReducer(unknown, { kind: "submitted", body: body("first") })).toBe(unknown);
    expect(awaitedIntent(unknown)).toBe("first");
    expect(answered(unknown, "not_placed").phase.kind).toBe("turned_down");
    expect(answered(unknown, "working").fields.quantity).toBe("");
  });

  it("asks again with the same body after an answer that never came", () => {
    const lost = ticketReducer(sending(), { kind: "no_answer", intentId: "first" });
    expect(lost.phase.kind).toBe("unanswered");
    const again = ticketReducer(lost, { kind: "asked_again" });
    expect(again).toMatchObject({ intentId: "first", phase: { kind: "sending", body: body("first") } });
  });

  it("stays shut when the server does not know the intent: the request may still be on its way, and then it clears", () => {
    const lost = ticketReducer(sending(), { kind: "no_answer", intentId: "first" });
    const after = ticketReducer(lost, { kind: "not_seen", intentId: "first" });
    expect(after).toMatchObject({ intentId: "first", phase: { kind: "unanswered", notSeen: true } });
    expect(isEditable(after.phase)).toBe(false);
    expect(answered(after, "working").fields.quantity).toBe("");
  });

  it("gets a new intent when the person puts the old one aside", () => {
    const lost = ticketReducer(sending(), { kind: "no_answer", intentId: "first" });
    expect(ticketReducer(lost, { kind: "put_aside", nextId: "second" })).toMatchObject({ intentId: "second", phase: { kind: "editing" } });
  });

  it("cannot be submitted twice, nor with another form's intent", () => {
    const once = sending();
    expect(ticketReducer(once, { kind: "submitted", body: body("first") })).toBe(once);
    const fresh = typed();
    expect(ticketReducer(fresh, { kind: "submitted", body: body("other") })).toBe(fresh);
  });

  it("does not hear answers to another form's intent", () => {
    const once = sending();
    expect(answered(once, "filled", "other")).toBe(once);
    expect(ticketReducer(once, { kind: "no_answer", intentId: "other" })).toBe(once);
  });
});

describe("a draft", () => {
  it("comes back after a reload; what was on its way comes back as unanswered, never as sendable", () => {
    saveDraft("a:linear:BTCUSDT", sending());
    const back = loadDraft("a:linear:BTCUSDT", "fresh");
    expect(back).toMatchObject({ intentId: "first", phase: { kind: "unanswered", body: body("first") } });
    expect(isEditable(back.phase)).toBe(false);
  });

  it("belongs to one instrument, and a broken one is as good as none", () => {
    saveDraft("a:linear:BTCUSDT", typed());
    expect(loadDraft("a:linear:ETHUSDT", "fresh")).toEqual(freshTicket("fresh"));
    sessionStorage.setItem("tradewright.ticket.a:linear:BTCUSDT", "{");
    expect(loadDraft("a:linear:BTCUSDT", "fresh")).toEqual(freshTicket("fresh"));
  });
});

it("makes intent ids that are UUIDs of version 7 in the order of time", () => {
  const ids = [1, 2, 3].map((ms) => newIntentId(1_700_000_000_000 + ms));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([...ids].sort()).toEqual(ids);
});
