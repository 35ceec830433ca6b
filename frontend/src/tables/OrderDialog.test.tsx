// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render, screen, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { aFill, anAccount, anInstrument, anOrder } from "../api/fixtures";
import type { IntentHistory } from "../api/types";
import { queries, stream } from "../app/services";
import { i18next, loadWords, startWords } from "../i18n";
import { Signal } from "../stream/signal";
import { OrderDialog } from "./OrderDialog";

let history: IntentHistory;
vi.mock("../api/calls", async (original) => ({ ...(await original<typeof import("../api/calls")>()), readIntent: () => Promise.resolve(history) }));

// The first answer was lost; the same id sent again was known already, and then the order was filled.
const LOST_ONCE = {
  history: [
    { status: "sending", time_ms: 1_000, source: "manual" },
    { status: "unknown", time_ms: 6_100, source: "rest" },
    { status: "acknowledged", time_ms: 9_000, source: "reconciliation" },
    { status: "filled", time_ms: 9_400, source: "stream" },
  ],
  verdict: [{ limit: "order_notional", value: "600.5", allowed: "100000", level: "workspace" }],
  requests: [
    { attempt: 1, created_ms: 1_100, signed_ms: 1_101, answered_ms: 6_050, outcome: "unknown", exchange_code: null, exchange_text: null },
    { attempt: 2, created_ms: 8_000, signed_ms: 8_001, answered_ms: 8_900, outcome: "duplicate", exchange_code: 110072, exchange_text: "OrderLinkedID is duplicate" },
  ],
} as unknown as IntentHistory;

const order = anOrder({ status: "filled", filled_quantity: "0.01", quantity: "0.01" });
const show = (): void => {
  const fills = [aFill({ time_ms: 9_300, quantity: "0.01", price: "60050", fee: "0.33027", order_id: order.id }), aFill({ id: "other", order_id: "o2" })];
  const data = { account: anAccount(), orders: new Map(), positions: new Map(), fills, balances: null };
  vi.spyOn(stream, "account").mockReturnValue(new Signal({ phase: "live", seq: 1, data }));
  render(
    <QueryClientProvider client={queries}>
      <OrderDialog order={order} instrument={anInstrument()} onClose={() => undefined} />
    </QueryClientProvider>,
  );
};
const rows = async (): Promise<string[][]> =>
  (await screen.findAllByTestId("trace-step")).map((row) => within(row).getAllByRole("cell").slice(1).map((cell) => cell.textContent.replaceAll("\u202f", " ")));

configure({ asyncUtilTimeout: 15_000 });
beforeAll(async () => {
  await startWords("en");
  await loadWords("ru");
});
beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  queries.clear();
  history = LOST_ONCE;
});
afterEach(async () => {
  cleanup();
  vi.restoreAllMocks();
  await i18next.changeLanguage("en");
});

it("walks from the wish over both requests, the unknown between them, to the order and its own fill", async () => {
  show();
  expect(await rows()).toEqual([
    ["Asked", "", "this page"],
    ["Held against limits", "Order value: 600.5 of 100 000 (workspace)", ""],
    ["Request 1", "written down and signed", ""],
    ["Answer to request 1", "no answer", ""],
    ["Order: Unknown — checking with exchange", "", "answer of the exchange"],
    ["Request 2", "written down and signed", ""],
    ["Answer to request 2", "known already, code 110072, The exchange says: “OrderLinkedID is duplicate”", ""],
    ["Order: Accepted, not filled", "", "reconciliation"],
    ["Fill", "0.010 at 60 050.0, fee 0.33027 USDT", ""],
    ["Order: Filled", "", "exchange stream"],
  ]);
  const lost = screen.getAllByTestId("trace-step").find((row) => row.dataset["step"] === "answer");
  expect(lost?.querySelector(".caution")).not.toBeNull();
});

it("says all of it in Russian, with a comma in the numbers", async () => {
  await i18next.changeLanguage("ru");
  show();
  const told = (await rows()).flat().join(" | ");
  expect(told).toContain("комиссия 0,33027 USDT");
  expect(told).toContain("нет ответа");
  expect(told.replaceAll(/USDT|OrderLinkedID is duplicate/g, "")).not.toMatch(/[A-Za-z]/);
});
