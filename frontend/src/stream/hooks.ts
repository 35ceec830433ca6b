/** The stream for components: each reads its own key and is painted only when that changes. */
import { useEffect, useState, useSyncExternalStore } from "react";
import type { NotificationStanding } from "../api/notifications";
import type { Category, Environment, PublicTrade } from "../api/types";
import { runs, stream } from "../app/services";
import type { AccountState } from "./account";
import type { Link } from "./connection";
import type { RunsView } from "./runs";
import { Signal, type Readable } from "./signal";
import type { BookView, Clocks, Exchange, Quote } from "./store";

export function useSignal<T>(signal: Readable<T>): T {
  return useSyncExternalStore(signal.subscribe, signal.get);
}

export function useLink(): Link {
  return useSignal(stream.connection.link);
}

/** Without an account there is no environment to speak of: the simulated one answers. */
export function useExchange(environment: Environment | null): Exchange {
  return useSignal(stream.exchange(environment ?? "sim"));
}

export function useClocks(environment: Environment | null): Clocks | null {
  return useSignal(stream.clocks(environment ?? "sim"));
}

/** The key of one instrument's quote and book, in the market of its environment. */
export function marketKey(environment: Environment, instrument: { readonly category: Category; readonly symbol: string }): string {
  return `${environment}:${instrument.category}:${instrument.symbol}`;
}

export function useAccount(accountId: string): AccountState {
  useEffect(() => stream.hold(`account:${accountId}`), [accountId]);
  return useSignal(stream.account(accountId));
}

const NO_ACCOUNT = new Signal<null>(null);

/** As `useAccount`, for what is there before any account is: then null. */
export function useAccountIfAny(accountId: string | null): AccountState | null {
  useEffect(() => (accountId === null ? undefined : stream.hold(`account:${accountId}`)), [accountId]);
  return useSignal<AccountState | null>(accountId === null ? NO_ACCOUNT : stream.account(accountId));
}

export function useRuns(): RunsView {
  useEffect(() => runs.hold(), []);
  return useSignal(runs.view);
}

export function useNews(): NotificationStanding | null {
  useEffect(() => stream.hold("notifications"), []);
  return useSignal(stream.news());
}

export function useQuote(key: string): Quote | null {
  useEffect(() => stream.hold(`ticker:${key}`), [key]);
  return useSignal(stream.quote(key));
}

export function useBook(key: string): BookView | null {
  useEffect(() => stream.hold(`book:${key}`), [key]);
  return useSignal(stream.book(key));
}

export function useTrades(key: string): readonly PublicTrade[] {
  useEffect(() => stream.hold(`trades:${key}`), [key]);
  return useSignal(stream.trades(key));
}

/** The browser's clock, read again every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
