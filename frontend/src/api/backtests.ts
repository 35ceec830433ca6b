/** Calls about backtests and the strategies to begin with; errors as in `calls`. */
import { body, client } from "./calls";
import type { Backtest, BacktestReport, NewBacktest, SpecTemplate } from "./types";

export async function readTemplates(): Promise<readonly SpecTemplate[]> {
  return (await body(client.GET("/api/v1/specs/templates"))).templates;
}

export async function readBacktests(): Promise<readonly Backtest[]> {
  return (await body(client.GET("/api/v1/backtests"))).backtests;
}

export async function readBacktest(id: string): Promise<Backtest> {
  return (await body(client.GET("/api/v1/backtests/{backtest_id}", { params: { path: { backtest_id: id } } }))).backtest;
}

export async function readReport(id: string): Promise<BacktestReport> {
  const found = await body(client.GET("/api/v1/backtests/{backtest_id}/report", { params: { path: { backtest_id: id } } }));
  return found.report as BacktestReport; // the client forgets that a point is a pair
}

/** The same id with the same body is the same backtest, however often it is sent. */
export async function postBacktest(request: NewBacktest): Promise<Backtest> {
  return (await body(client.POST("/api/v1/backtests", { body: request }))).backtest;
}

export async function cancelBacktest(id: string): Promise<Backtest> {
  return (await body(client.POST("/api/v1/backtests/{backtest_id}/cancel", { params: { path: { backtest_id: id } } }))).backtest;
}

export async function removeBacktest(id: string): Promise<void> {
  await body(client.POST("/api/v1/backtests/{backtest_id}/remove", { params: { path: { backtest_id: id } } }));
}
