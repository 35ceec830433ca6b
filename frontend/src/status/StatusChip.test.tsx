// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, it } from "vitest";
import type { Order, OrderStatus } from "../api/types";
import { i18next, loadWords, startWords } from "../i18n";
import { StatusChip } from "./StatusChip";

type Shown = Parameters<typeof StatusChip>[0]["order"];

function chip(status: OrderStatus, change: Partial<Order> = {}): string {
  const order: Shown = { status, quantity: "1", filled_quantity: "0", reason: null, cancel: null, updated_ms: Date.now() - 17_500, ...change };
  render(<StatusChip order={order} />);
  const element = screen.getByTestId("order-status");
  expect(element.dataset["status"]).toBe(status);
  const text = (element.textContent ?? "").replaceAll("\u00a0", " ");
  cleanup();
  return text;
}
const lackOfMargin = { code: "exchange.insufficient_margin", params: {}, exchange_code: 110007, exchange_text: "ab not enough" };

beforeAll(async () => {
  await startWords("en");
  await loadWords("ru");
});
afterEach(() => i18next.changeLanguage("en"));

it("says what is known and no more", () => {
  expect(chip("acknowledged")).toBe("Accepted, not filled");
  expect(chip("cancel_requested")).toBe("Cancelling… may still fill");
  expect(chip("partially_filled", { filled_quantity: "0.4" })).toBe("Filled 40 %");
  expect(chip("cancelled", { filled_quantity: "0.4" })).toBe("Cancelled, 40 % filled");
  expect(chip("cancelled")).toBe("Cancelled");
  expect(chip("rejected", { reason: lackOfMargin })).toBe("Rejected: not enough margin");
});

it("gives an unknown order its age", () => {
  expect(chip("unknown")).toBe("Unknown — checking with exchange17 s");
});

it("adds that a cancel without an answer is being checked", () => {
  expect(chip("cancel_requested", { cancel: { intent_id: "c", state: "unknown" } })).toBe("Cancelling… may still fill — checking");
});

it("shows a reason that it has no words for as the exchange said it", () => {
  expect(chip("rejected", { reason: { ...lackOfMargin, code: "exchange.brand_new" } })).toBe("Rejected: ab not enough");
});

it("speaks Russian by the same table", async () => {
  await i18next.changeLanguage("ru");
  expect(chip("acknowledged")).toBe("Принят, не исполнен");
  expect(chip("expired", { filled_quantity: "0.4" })).toBe("Истёк, исполнен на 40 %");
  expect(chip("rejected", { reason: lackOfMargin })).toBe("Отклонён биржей: не хватает маржи");
});
