/** What the account has to do with the instrument: leverage, fees, position, balances, as far as the server knows them. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { readAccountSymbol } from "../api/calls";
import type { Account, Balances, Instrument, Position } from "../api/types";
import { queries } from "../app/services";
import type { Facts } from "./asked";

const KNOWN_MS = 60_000;
const UNKNOWN_MS = 2_000;
const FAILED_MS = 10_000;

export const symbolQuery = (accountId: string, instrument: Pick<Instrument, "category" | "symbol">) =>
  queryOptions({
    queryKey: ["symbol", accountId, instrument.category, instrument.symbol],
    queryFn: () => readAccountSymbol(accountId, instrument.category, instrument.symbol),
    // The first question makes the account's owner ask the exchange; a moment later the answer is there.
    refetchInterval: ({ state }) =>
      state.status === "error" ? FAILED_MS : (state.data?.read_ms ?? null) === null ? UNKNOWN_MS : KNOWN_MS,
    staleTime: UNKNOWN_MS,
    retry: false,
  });

/** `isCurrent`: the account's positions are surely those of the exchange. */
export function useFacts(account: Account, instrument: Instrument, position: Position | null, balances: Balances | null, isCurrent: boolean): Facts {
  const { category, symbol: name } = instrument;
  const query = useQuery(symbolQuery(account.id, { category, symbol: name }));
  const symbol = query.data;
  // The stream tells of a position's leverage at once: what was read of the symbol before is then old.
  const told = position?.leverage ?? null;
  const known = useRef(told);
  useEffect(() => {
    if (known.current === told) return;
    known.current = told;
    void queries.invalidateQueries({ queryKey: symbolQuery(account.id, { category, symbol: name }).queryKey });
  }, [account.id, category, name, told]);
  const fees = symbol?.maker_rate == null || symbol.taker_rate == null ? null : { maker: symbol.maker_rate, taker: symbol.taker_rate };
  return {
    leverage: symbol?.leverage ?? position?.leverage ?? null,
    fees,
    feesAssumed: symbol?.fees_assumed ?? false,
    position,
    known: isCurrent,
    balances,
    marginMode: symbol?.margin_mode ?? account.margin_mode,
    positionMode: symbol?.position_mode ?? null,
  };
}
