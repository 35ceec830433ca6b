// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { readProblem, Refused } from "../api/errors";
import type { Difference } from "../api/types";
import { queries } from "../app/services";
import { startWords } from "../i18n";
import { DifferenceCard } from "./DifferenceCard";

const asked: unknown[] = [];
let answer: () => Promise<Difference>;
vi.mock("../api/differences", () => ({
  readDifferences: () => Promise.resolve([]),
  decideDifference: (seen: Difference, decision: string, always: boolean) => {
    asked.push([seen.id, seen.version, decision, always]);
    return answer();
  },
}));
const side = (change: Partial<NonNullable<Difference["after"]>> = {}): NonNullable<Difference["after"]> => ({ state: "New", size: null, side: "Buy", quantity: "0.01", price: "60000", ...change });
const aDifference = (change: Partial<Difference> = {}): Difference => ({
  id: "d1",
  account_id: "a",
  kind: "order.foreign",
  subject: "e1",
  category: "linear",
  symbol: "BTCUSDT",
  position_index: null,
  order_id: "o1",
  before: null,
  after: side(),
  foreign: null,
  state: "open",
  blocks: true,
  choices: ["adopt", "ignore", "close"],
  always: false,
  why: null,
  decided_by: null,
  decided_ms: null,
  found_ms: 1,
  ended_ms: null,
  version: 3,
  ...change,
});
const draw = (difference: Difference, mayDecide = true) => (
  <QueryClientProvider client={queries}>
    <DifferenceCard difference={difference} mayDecide={mayDecide} />
  </QueryClientProvider>
);
const press = (testId: string): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId(testId)));

configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => startWords("en"));
beforeEach(() => {
  asked.length = 0;
  answer = () => Promise.resolve(aDifference({ state: "ignored" }));
});
afterEach(cleanup);

it("shows ours and theirs side by side, and which symbol it blocks", () => {
  render(draw(aDifference()));
  const text = screen.getByTestId("difference").textContent.replaceAll("\u202f", " ");
  expect(text).toContain("Ours: nothing");
  expect(text).toContain("Exchange: Buy 0.01 · at 60 000 · in the book");
  expect(text).toContain("Blocks new risk on BTCUSDT");
});

it("calls the closing of an order what it is, and shows a word of the exchange that it does not know as it came", () => {
  render(draw(aDifference({ after: side({ state: "PendingSomething" }) })));
  expect(screen.getByTestId("difference-close").textContent).toBe("Cancel the order…");
  expect(screen.getByTestId("difference").textContent).toContain("PendingSomething");
});

it("says what a decision does before it is made, and decides about the one that was seen", async () => {
  const { rerender } = render(draw(aDifference()));
  await press("difference-ignore");
  expect(asked).toEqual([]);
  expect(screen.getByTestId("difference-confirm").textContent).toContain("counts in your risk");
  await press("difference-always");
  // It changes while somebody reads: the decision is of what they saw, so the server can say no.
  rerender(draw(aDifference({ version: 4 })));
  await press("difference-decide");
  expect(asked).toEqual([["d1", 3, "ignore", true]]);
});

it("says that it has changed, and keeps the question open", async () => {
  answer = () => Promise.reject(new Refused(readProblem(409, { code: "difference.changed" })));
  render(draw(aDifference({ kind: "position.size", foreign: "0.5", after: side({ side: null, quantity: null, price: null, state: null, size: "0.5" }), before: side({ side: null, quantity: null, price: null, state: null, size: "0" }) })));
  await press("difference-close");
  expect(screen.getByTestId("difference-confirm").textContent).toContain("taken off at market");
  await press("difference-decide");
  expect((await screen.findByRole("alert")).textContent).toContain("another one by now");
});

it("offers only what may be decided, and nothing to a viewer", () => {
  const { rerender } = render(draw(aDifference({ choices: ["ignore"] })));
  expect(screen.queryByTestId("difference-close")).toBeNull();
  rerender(draw(aDifference(), false));
  expect(screen.queryByTestId("difference-ignore")).toBeNull();
});
