// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { anInstrument } from "../api/fixtures";
import type { Ticker } from "../api/types";
import { startWords } from "../i18n";
import type { Quote } from "../stream/store";
import { InstrumentBar } from "./InstrumentBar";

const NOW_MS = 1_000_000;
let changedAtMs = NOW_MS;
vi.mock("../stream/hooks", async (original) => ({
  ...(await original<typeof import("../stream/hooks")>()),
  useNow: () => NOW_MS,
  useClocks: () => null,
  useQuote: (): Quote => ({ ticker: { symbol: "BTCUSDT", last_price: "60000.1" } as Ticker, receivedAtMs: NOW_MS, changedAtMs }),
}));
const show = (quietMs: number, old: { sinceMs: number } | null = null) => {
  changedAtMs = NOW_MS - quietMs;
  const nothing = () => undefined;
  const search = { symbol: "BTCUSDT", category: "linear" } as never;
  render(<InstrumentBar account="a" environment="sim" held={new Set()} chosen={anInstrument()} tickers={[]} search={search} old={old} onPrice={nothing} />);
};

beforeAll(() => startWords("en"));
afterEach(cleanup);

it("tells how long a quiet market has not moved, at full brightness", () => {
  show(42_000);
  expect(screen.getByTestId("quiet-age").textContent).toBe("price unchanged for 42\u00a0s");
  expect(document.querySelector(".is-old")).toBeNull();
});

it("leaves Ctrl+Shift+K to the kill switch", () => {
  show(3_000);
  fireEvent.keyDown(document.body, { code: "KeyK", key: "K", ctrlKey: true, shiftKey: true });
  expect(document.querySelector("dialog")).toBeNull();
});

it("says nothing of a market that moves", () => {
  show(3_000);
  expect(screen.queryByTestId("quiet-age")).toBeNull();
});

it("tells the age of an old price instead", () => {
  show(42_000, { sinceMs: NOW_MS - 50_000 });
  expect(screen.queryByTestId("quiet-age")).toBeNull();
  expect(document.querySelector(".is-old .old-age")?.textContent).toContain("50\u00a0s old");
});
