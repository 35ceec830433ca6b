/** Who is signed in: one query, and what follows from its change. */
import { queryOptions } from "@tanstack/react-query";
import { client, readAccounts, readInstruments, readSession, readTickers } from "../api/calls";
import type { Category, Environment, Session } from "../api/types";
import { queries, stream } from "./services";

export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: readSession, staleTime: Infinity });
export const accountsQuery = queryOptions({ queryKey: ["accounts"], queryFn: readAccounts, staleTime: 60_000 });
export const instrumentsQuery = (environment: Environment, category: Category) =>
  queryOptions({
    queryKey: ["instruments", environment, category],
    queryFn: () => readInstruments(environment, category),
    staleTime: 600_000,
  });
export const tickersQuery = (environment: Environment, category: Category) =>
  queryOptions({
    queryKey: ["tickers", environment, category],
    queryFn: () => readTickers(environment, category),
    staleTime: 10_000,
  });

/**
 * Says with each request which workspace this tab shows. A session is about one at a time, and another tab may have
 * changed which: then the server refuses, and nothing that is meant for one is done in the other.
 */
client.use({
  onRequest({ request }) {
    const shown = queries.getQueryData(sessionQuery.queryKey)?.workspace?.id;
    if (shown !== undefined) request.headers.set("x-tradewright-workspace", shown);
    return request;
  },
});

export function signedIn(session: Session): void {
  queries.clear();
  queries.setQueryData(sessionQuery.queryKey, session);
}

/** Forgets everything of the person, once no screen shows it any more. */
export function forgetPerson(): void {
  stream.clear();
  queries.clear();
}
