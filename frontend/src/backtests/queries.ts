/** What the page knows of backtests: those that wait or run are asked for again each second. */
import { queryOptions } from "@tanstack/react-query";
import { readBacktest, readBacktests, readReport, readTemplates } from "../api/backtests";
import type { Backtest } from "../api/types";

const LIVE_MS = 1_000;
const QUIET_MS = 15_000;

export const isLive = (backtest: Backtest): boolean => backtest.state === "queued" || backtest.state === "running";

export const templatesQuery = queryOptions({ queryKey: ["templates"], queryFn: readTemplates, staleTime: Infinity });

export const backtestsQuery = queryOptions({
  queryKey: ["backtests"],
  queryFn: readBacktests,
  refetchInterval: ({ state }) => (state.data?.some(isLive) === true ? LIVE_MS : QUIET_MS),
});

export const backtestQuery = (id: string) =>
  queryOptions({
    queryKey: ["backtests", id],
    queryFn: () => readBacktest(id),
    refetchInterval: ({ state }) => (state.data !== undefined && isLive(state.data) ? LIVE_MS : false),
  });

/** A report never changes. */
export const reportQuery = (id: string) =>
  queryOptions({ queryKey: ["backtests", id, "report"], queryFn: () => readReport(id), staleTime: Infinity });
