// @vitest-environment jsdom
import { beforeEach, expect, it } from "vitest";
import type { PlaceIntent } from "../api/types";
import { emptyDraftsOfOthers, forgetDrafts, hasTyped, loadDraft, saveDraft } from "./draft";
import { freshTicket, type Ticket, type TicketPhase } from "./state";

const body = { id: "old", kind: "place" } as PlaceIntent;
const typed = (phase: TicketPhase): Ticket => ({ ...freshTicket("old"), fields: { ...freshTicket("old").fields, quantity: "0.05" }, phase });
const problem = { status: 401, code: "session.required", field: null, params: {}, problems: [], retryable: false, exchange: null };

beforeEach(() => sessionStorage.clear());

it("keeps what was typed and the intent's id over a reload, and a POST on its way is one without an answer", () => {
  saveDraft("a", typed({ kind: "sending", body }));
  expect(loadDraft("a", "new")).toMatchObject({ intentId: "old", fields: { quantity: "0.05" }, phase: { kind: "unanswered", body } });
  expect(loadDraft("b", "new")).toEqual(freshTicket("new"));
});

it("gives a form that was never sent an id of its own: a duplicated tab is another order", () => {
  for (const phase of [{ kind: "editing" }, { kind: "turned_down", status: "rejected", reason: null }] as const) {
    saveDraft("a", typed(phase));
    expect(loadDraft("a", "new")).toMatchObject({ intentId: "new", fields: { quantity: "0.05" }, phase });
  }
  saveDraft("a", typed({ kind: "waiting", body, status: "unknown" }));
  expect(loadDraft("a", "new").intentId).toBe("old");
});

it("does not go on asking for a log-in that has been made", () => {
  saveDraft("a", typed({ kind: "refused_by_server", problem }));
  expect(loadDraft("a", "new")).toMatchObject({ fields: { quantity: "0.05" }, phase: { kind: "editing" } });
  saveDraft("a", typed({ kind: "refused_by_server", problem: { ...problem, status: 422 } }));
  expect(loadDraft("a", "new").phase.kind).toBe("refused_by_server");
});

it("is forgotten at the log-out, and nothing else is", () => {
  saveDraft("a", typed({ kind: "editing" }));
  sessionStorage.setItem("other", "x");
  forgetDrafts();
  expect(loadDraft("a", "new")).toEqual(freshTicket("new"));
  expect(sessionStorage.getItem("other")).toBe("x");
});

it("is emptied when another account is traded, unless it was sent; how the person trades stays", () => {
  saveDraft("a:linear:X", { ...typed({ kind: "editing" }), fields: { ...typed({ kind: "editing" }).fields, side: "Sell" } });
  saveDraft("a:spot:Y", typed({ kind: "waiting", body, status: "unknown" }));
  saveDraft("b:linear:X", typed({ kind: "editing" }));
  saveDraft("c:linear:X", freshTicket("old"));
  expect([hasTyped("a"), hasTyped("b")]).toEqual([true, true]);
  expect(emptyDraftsOfOthers("b")).toBe(true);
  expect(loadDraft("a:linear:X", "new").fields).toMatchObject({ quantity: "", side: "Sell" });
  expect(loadDraft("a:spot:Y", "new")).toMatchObject({ intentId: "old", fields: { quantity: "0.05" } });
  expect(loadDraft("b:linear:X", "new").fields.quantity).toBe("0.05");
  expect([hasTyped("b"), emptyDraftsOfOthers("b")]).toEqual([false, false]);
});

it("is a fresh ticket when what is kept makes no sense", () => {
  for (const text of ["", "{", "null", "1", "{}", '{"intentId":1}']) {
    sessionStorage.setItem("tradewright.ticket.a", text);
    expect(loadDraft("a", "new")).toEqual(freshTicket("new"));
  }
});

it("keeps every field over a reload, and takes what it does not understand for never typed", () => {
  const fresh = freshTicket("id");
  const leg = { text: "2", unit: "r", by: "MarkPrice", isLimit: true, limit: "61000" } as const;
  const fields = { ...fresh.fields, kind: "StopLimit", trigger: "61 000", triggerRises: true, unit: "risk", slippage: "1", exits: true, takeProfit: leg } as const;
  saveDraft("a", { ...fresh, fields });
  expect(loadDraft("a", "id").fields).toEqual(fields);
  const older = { intentId: "id", fields: { side: "Sell", orderType: "Market", price: 5, quantity: "0.05", unit: "lots", takeProfit: null }, phase: { kind: "editing" } };
  sessionStorage.setItem("tradewright.ticket.b", JSON.stringify(older));
  expect(loadDraft("b", "id").fields).toEqual({ ...fresh.fields, side: "Sell", quantity: "0.05" });
});
