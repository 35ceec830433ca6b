/**
 * Every call of the page to its server, typed by the generated schema.
 *
 * Each returns the answer's body, or throws `Refused` (the server said no) or `NoAnswer` (nobody answered).
 */
import createClient from "openapi-fetch";
import { NoAnswer, readProblem, Refused } from "./errors";
import type { paths } from "./schema";
import type {
  Account,
  AccountSymbol,
  CandleList,
  Category,
  ClaimBody,
  Environment,
  Fill,
  Instrument,
  Intent,
  IntentAnswer,
  IntentHistory,
  Interval,
  Order,
  Preview,
  PreviewBody,
  Session,
  Ticker,
} from "./types";

/** Longer than the 2 s in which the server answers an intent: past it the answer counts as lost. */
const ANSWER_TIMEOUT_MS = 8_000;

/** For the other modules of calls. */
export const client = createClient<paths>({ baseUrl: "/", fetch: fetchWithin });

function fetchWithin(request: Request): Promise<Response> {
  return fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]) });
}

export type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The answer's body, or the error that it stands for. */
export async function body<T>(pending: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await pending;
  } catch (cause) {
    throw new NoAnswer(cause);
  }
  if (answer.data !== undefined) return answer.data;
  if (answer.response.ok) return undefined as T; // 204
  throw new Refused(readProblem(answer.response.status, answer.error));
}

export function readSession(): Promise<Session> {
  return body(client.GET("/api/v1/session"));
}

export function claim(request: ClaimBody): Promise<Session> {
  return body(client.POST("/api/v1/claim", { body: request }));
}

export function login(request: { username: string; password: string }): Promise<Session> {
  return body(client.POST("/api/v1/login", { body: request }));
}

export async function logout(): Promise<void> {
  await body(client.POST("/api/v1/logout") as Promise<Answer<unknown>>);
}

export async function readAccounts(): Promise<readonly Account[]> {
  return (await body(client.GET("/api/v1/accounts"))).accounts;
}

export async function readInstruments(environment: Environment, category: Category): Promise<readonly Instrument[]> {
  return (await body(client.GET("/api/v1/instruments", { params: { query: { environment, category } } }))).instruments;
}

export async function readTickers(environment: Environment, category: Category): Promise<readonly Ticker[]> {
  return (await body(client.GET("/api/v1/tickers", { params: { query: { environment, category } } }))).tickers;
}

export type CandleQuery = {
  readonly environment: Environment;
  readonly category: Category;
  readonly symbol: string;
  readonly interval: Interval;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly limit: number;
};

export function readCandles(query: CandleQuery): Promise<CandleList> {
  const { environment, category, symbol, interval, limit, startMs, endMs } = query;
  const range = { ...(startMs === undefined ? {} : { start_ms: startMs }), ...(endMs === undefined ? {} : { end_ms: endMs }) };
  // The client's types widen tuples to arrays; the schema's own type of the answer is the true one.
  const pending = client.GET("/api/v1/candles", { params: { query: { environment, category, symbol, interval, limit, ...range } } });
  return body(pending as Promise<Answer<CandleList>>);
}

export type Page<T> = { readonly rows: readonly T[]; readonly next: string | null };

export async function readOrders(accountId: string, before: string | null): Promise<Page<Order>> {
  const query = { scope: "all" as const, limit: 200, ...(before === null ? {} : { before }) };
  const page = await body(
    client.GET("/api/v1/accounts/{account_id}/orders", { params: { path: { account_id: accountId }, query } }),
  );
  return { rows: page.orders, next: page.next };
}

export async function readFills(accountId: string, before: string | null): Promise<Page<Fill>> {
  const query = { limit: 200, ...(before === null ? {} : { before }) };
  const page = await body(
    client.GET("/api/v1/accounts/{account_id}/fills", { params: { path: { account_id: accountId }, query } }),
  );
  return { rows: page.fills, next: page.next };
}

/** Asks for one thing. The same id with the same body is the same intent, however often it is sent. */
export function postIntent(accountId: string, intent: Intent): Promise<IntentAnswer> {
  return body(
    client.POST("/api/v1/accounts/{account_id}/intents", { params: { path: { account_id: accountId } }, body: intent }),
  );
}

export function readIntent(accountId: string, intentId: string): Promise<IntentHistory> {
  return body(
    client.GET("/api/v1/accounts/{account_id}/intents/{intent_id}", {
      params: { path: { account_id: accountId, intent_id: intentId } },
    }),
  );
}

/** What an order would come to. `signal` ends a question that is out of date; it then counts as unanswered. */
export function previewOrder(accountId: string, question: PreviewBody, signal: AbortSignal): Promise<Preview> {
  return body(client.POST("/api/v1/accounts/{account_id}/preview", { params: { path: { account_id: accountId } }, body: question, signal }));
}

/** Leverage and fees of one symbol; what the server does not know yet is null, and asked for by this. */
export function readAccountSymbol(accountId: string, category: Category, symbol: string): Promise<AccountSymbol> {
  const path = { account_id: accountId, category, symbol };
  return body(client.GET("/api/v1/accounts/{account_id}/symbols/{category}/{symbol}", { params: { path } }));
}

/** Milliseconds of one round trip to the server, for the link's popover. */
export async function measureRoundTrip(): Promise<number> {
  const started = performance.now();
  await body(client.GET("/healthz"));
  return performance.now() - started;
}
