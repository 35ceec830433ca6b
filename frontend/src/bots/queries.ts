/** What the page knows of bots, their runs and strategies. How runs stand comes by the stream (`stream/runs`). */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { readBot, readBots, readBotVersions, readStartChecks, type BotFilter } from "../api/bots";
import { readMembers } from "../api/people";
import { readRun, readRunReport, readRuns, readRunTrades } from "../api/runs";
import { checkSpec, explainSpec, readSpecVersion, readStrategies, readStrategy } from "../api/strategies";
import type { Bot, ParamValue, Run } from "../api/types";
import { queries, runs } from "../app/services";
import type { Language } from "../format/number";

const QUIET_MS = 15_000;

export const botsQuery = (filter: BotFilter) =>
  infiniteQueryOptions({
    queryKey: ["bots", "list", filter],
    queryFn: ({ pageParam }) => readBots(filter, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    staleTime: 2_000,
    refetchInterval: QUIET_MS,
  });

export const botQuery = (id: string) => queryOptions({ queryKey: ["bots", id], queryFn: () => readBot(id), staleTime: 2_000 });

export const botVersionsQuery = (id: string) => queryOptions({ queryKey: ["bots", id, "versions"], queryFn: () => readBotVersions(id), staleTime: 2_000 });

/** What speaks for and against a start hangs on prices, locks and the account: it is asked again while it is shown. */
export const startChecksQuery = (id: string, version: number) =>
  queryOptions({ queryKey: ["bots", id, "start-checks", version], queryFn: () => readStartChecks(id), staleTime: 0, gcTime: 0, refetchInterval: 5_000 });

export const runQuery = (id: string) => queryOptions({ queryKey: ["runs", id], queryFn: () => readRun(id), staleTime: 2_000 });

export const runsOfBotQuery = (botId: string) =>
  infiniteQueryOptions({
    queryKey: ["runs", "of", botId],
    queryFn: ({ pageParam }) => readRuns({ bot_id: botId }, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    staleTime: 2_000,
  });

export const runTradesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["runs", id, "trades"],
    queryFn: ({ pageParam }) => readRunTrades(id, pageParam),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
    staleTime: 2_000,
  });

export const runReportQuery = (id: string) => queryOptions({ queryKey: ["runs", id, "report"], queryFn: () => readRunReport(id), staleTime: Infinity });

export const strategiesQuery = (archived: boolean) =>
  infiniteQueryOptions({
    queryKey: ["strategies", "list", archived],
    queryFn: ({ pageParam }) => readStrategies(archived, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    staleTime: 5_000,
  });

export const strategyQuery = (id: string) => queryOptions({ queryKey: ["strategies", id], queryFn: () => readStrategy(id), staleTime: 5_000 });

/** A version never changes. */
export const specVersionQuery = (strategyId: string, number: number) =>
  queryOptions({ queryKey: ["strategies", strategyId, "versions", number], queryFn: () => readSpecVersion(strategyId, number), staleTime: Infinity });

/** The same text with the same values is always as right or wrong. */
export const specCheckQuery = (text: string, params: readonly ParamValue[]) =>
  queryOptions({ queryKey: ["specs", "check", text, params], queryFn: () => checkSpec(text, params), staleTime: Infinity, gcTime: 60_000 });

export const specExplainQuery = (text: string, params: readonly ParamValue[], language: Language) =>
  queryOptions({ queryKey: ["specs", "explain", language, text, params], queryFn: () => explainSpec(text, params, language), staleTime: Infinity, gcTime: 60_000 });

export const membersQuery = queryOptions({ queryKey: ["members"], queryFn: readMembers, staleTime: 60_000 });

/** After a change of a bot: the answer is the newest there is, and lists are read again. */
export function tookBot(bot: Bot): void {
  queries.setQueryData(botQuery(bot.id).queryKey, bot);
  void queries.invalidateQueries({ queryKey: ["bots"], predicate: (query) => query.queryKey[1] === "list" || query.queryKey[2] === "versions" });
}

/** After a command on a run. */
export function tookRun(run: Run): void {
  runs.put(run);
  queries.setQueryData(runQuery(run.id).queryKey, run);
  void queries.invalidateQueries({ queryKey: ["bots"] });
  void queries.invalidateQueries({ queryKey: runsOfBotQuery(run.bot_id).queryKey });
}
