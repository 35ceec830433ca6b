// @vitest-environment jsdom
import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { readProblem, Refused } from "../api/errors";
import type { Backtest, BacktestReport, NewBacktest as Asked, SpecTemplate } from "../api/types";
import { queries } from "../app/services";
import { startWords } from "../i18n";
import { NewBacktest } from "./NewBacktest";
import { Report } from "./Report";
import { State } from "./State";

const asked: Asked[] = [];
const went: unknown[] = [];
let answer: () => Promise<Backtest>;
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<typeof import("@tanstack/react-router")>()),
  useNavigate: () => (to: unknown) => Promise.resolve(went.push(to)),
}));
vi.mock("../api/backtests", () => ({
  readTemplates: () => Promise.resolve(TEMPLATES),
  readBacktests: () => Promise.resolve([]),
  postBacktest: (request: Asked) => {
    asked.push(request);
    return answer();
  },
}));
const template = (name: string): SpecTemplate => ({
  template: name,
  text: `name: ${name}`,
  spec: { name: `The ${name}`, description: "", kind: "signal", category: "linear", symbol: "BTCUSDT", timeframe: "15m", params: [], sha256: "0" },
});
const TEMPLATES = [template("first"), template("second")];
const aBacktest = (change: Partial<Backtest> = {}): Backtest => ({
  id: "b1",
  user_id: "u",
  name: "A strategy",
  spec_sha256: "0",
  category: "linear",
  symbol: "BTCUSDT",
  timeframe: "15m",
  origin: "sim",
  state: "queued",
  cancel_asked: false,
  bars_done: 0,
  bars_total: null,
  reason: null,
  metrics: null,
  cpu_ms: 0,
  created_ms: 1,
  started_ms: null,
  ended_ms: null,
  ...change,
});
const METRICS: BacktestReport["metrics"] = {
  net_profit: "-12.5",
  net_profit_pct: -1.25,
  max_drawdown_pct: 3.5,
  sharpe: -0.4,
  sortino: null,
  profit_factor: null,
  win_rate: 0.25,
  trades: 2,
  fees: "1.1",
  funding: "0",
  exposure_pct: 40,
  avg_trade_pct: -0.6,
  expectancy: "-6.25",
  buy_and_hold_pct: 2,
};
const REPORT: BacktestReport = {
  spec_sha256: "0",
  bars: 3,
  from: 0,
  to: 180_000,
  metrics: METRICS,
  trades: [
    { side: "long", qty: "1", entry_time: 60_000, entry_price: "100", entry_reason: "signal", exit_time: 120_000, exit_price: "99.5", exit_reason: "stop_loss", fees: "0", funding: "0", pnl: "-12.5", pnl_pct: -1, bars: 1, ambiguous: false },
  ],
  trades_left_out: 1,
  equity: [[0, 1000], [60_000, 1010], [180_000, 987.5]],
  equity_left_out: 1,
  warnings: [{ code: "few_trades", message: "There are 2 trades.", count: 1, first_time: null }],
  drawdowns: [],
  buy_and_hold: { net_profit_pct: 2, max_drawdown_pct: 1 },
  engine: { name: "fast", version: "1", program: "1" },
  data: { sha256: "0", timeframe: "15m", origin: "sim" },
  settings: { equity: "1000", fee_taker_bps: "5.5", fee_maker_bps: "2", slippage_bps: "1", tick_size: null, qty_step: "0.001", min_qty: "0", min_notional: "0", maintenance_margin_pct: "0.5", funding_rates: 0, fine_ms: null, params: {} },
};
const draw = async (): Promise<void> => {
  render(
    <QueryClientProvider client={queries}>
      <NewBacktest />
    </QueryClientProvider>,
  );
  await screen.findByTestId("backtest-form");
};
const change = (testId: string, value: string): void => void fireEvent.change(screen.getByTestId(testId), { target: { value } });
const run = (): Promise<void> => act(async () => void fireEvent.click(screen.getByTestId("backtest-submit")));

configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => startWords("en"));
beforeEach(() => {
  asked.length = 0;
  went.length = 0;
  answer = () => Promise.resolve(aBacktest());
});
afterEach(cleanup);

it("asks with the text of the chosen template as it was changed, and leads to the backtest", async () => {
  await draw();
  change("backtest-template", "second");
  expect(screen.getByTestId<HTMLTextAreaElement>("backtest-text").value).toBe("name: second");
  change("backtest-text", "name: mine");
  change("backtest-origin", "bybit");
  change("backtest-capital", "2.5k");
  await run();
  change("backtest-fine", "5m");
  fireEvent.click(screen.getByTestId("backtest-funding"));
  await run();
  const usual = { text: "name: mine", origin: "bybit", fill_gaps: true, settings: { equity: "2500" } };
  expect(asked).toMatchObject([
    { ...usual, fine: null, funding: false },
    { ...usual, fine: "5m", funding: true },
  ]);
  const there = { to: "/backtests/$backtest", params: { backtest: "b1" } };
  expect(went).toEqual([there, there]);
});

it("asks nothing with a capital that is no number", async () => {
  await draw();
  change("backtest-capital", "much");
  expect(screen.getByTestId<HTMLButtonElement>("backtest-submit").disabled).toBe(true);
  await run();
  expect(asked).toEqual([]);
});

it("tells why it was refused and asks under another id then, and under the same where nobody answered", async () => {
  const problems = [{ code: "backtest.no_candles", field: "origin", params: { series: "linear/BTCUSDT/15m", command: "tradewright data download" } }];
  answer = () => Promise.reject(new Refused(readProblem(422, { code: "input.invalid", problems })));
  await draw();
  await run();
  expect(screen.getByTestId("backtest-error").textContent).toContain("tradewright data download");
  answer = () => Promise.reject(new Error("cut off"));
  await run();
  await run();
  const ids = asked.map((each) => each.id);
  expect(new Set(ids).size).toBe(2);
  expect(ids[1]).toBe(ids[2]);
});

it("shows how far one is", () => {
  render(<State backtest={aBacktest({ state: "running", bars_done: 500, bars_total: 2000 })} />);
  expect(screen.getByTestId("backtest-state").textContent).toBe("runs 25 %");
});

it("shows figures, the curve with its words, warnings, and how many trades were left out", () => {
  render(<Report report={REPORT} />);
  const text = screen.getByTestId("backtest-report").textContent;
  expect(text).toContain("\u221212.50 (\u22121.25 %)");
  expect(text).toContain("25.00 %");
  expect(screen.getByRole("img").getAttribute("aria-label")).toBe("From 1\u202f000.00 to 987.50; lowest 987.50, highest 1\u202f010.00");
  expect(screen.getByText(/There are 2 trades/)).toBeTruthy();
  expect(screen.getByText("Trades: the last 1 of 2")).toBeTruthy();
  expect(screen.getAllByRole("row")).toHaveLength(2);
});
