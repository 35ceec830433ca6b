/** The stream for components: each reads its own key and is painted only when that changes. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { stream } from "../app/services";
import type { AccountState } from "./account";
import type { Link } from "./connection";
import type { Readable } from "./signal";
import type { Clocks, Exchange, Quote } from "./store";

export function useSignal<T>(signal: Readable<T>): T {
  return useSyncExternalStore(signal.subscribe, signal.get);
}

export function useLink(): Link {
  return useSignal(stream.connection.link);
}

export function useExchange(): Exchange {
  return useSignal(stream.exchange);
}

export function useClocks(): Clocks | null {
  return useSignal(stream.clocks);
}

export function useAccount(accountId: string): AccountState {
  useEffect(() => stream.hold(`account:${accountId}`), [accountId]);
  return useSignal(stream.account(accountId));
}

export function useQuote(key: string): Quote | null {
  useEffect(() => stream.hold(`ticker:${key}`), [key]);
  return useSignal(stream.quote(key));
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
