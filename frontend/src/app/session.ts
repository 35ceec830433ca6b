/** Who is signed in: one query, and what follows from its change. */
import { queryOptions } from "@tanstack/react-query";
import { client, readAccounts, readInstruments, readSession, readTickers } from "../api/calls";
import { readProblem } from "../api/errors";
import { chooseWorkspace } from "../api/people";
import type { Category, Environment, Session } from "../api/types";
import { forgetLastAccount } from "../shell/lastAccount";
import { forgetBotDrafts } from "../bots/wizard/keeping";
import { forgetDrafts } from "../ticket/draft";
import { queries, signedOut, stream } from "./services";

const SESSION = ["session"];
/** Who is there. A page that shows somebody's things keeps saying whose they are until somebody is there again. */
export const sessionQuery = queryOptions({
  queryKey: SESSION,
  queryFn: async () => {
    const now = await readSession();
    const before = queries.getQueryData<Session>(SESSION);
    if (now.user !== null || before === undefined || before.user === null) return now;
    signedOut.set(true);
    return before;
  },
  staleTime: Infinity,
});
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

/** Any answer may be the first to say that the session has ended. */
client.use({
  async onResponse({ response }) {
    if (response.status !== 401 || queries.getQueryData(sessionQuery.queryKey)?.user == null) return undefined;
    const said = readProblem(401, await response.clone().json().catch(() => null));
    if (said.code === "session.required") signedOut.set(true);
    return undefined;
  },
});

export function signedIn(session: Session): void {
  signedOut.set(false);
  queries.clear();
  queries.setQueryData(sessionQuery.queryKey, session);
}

/**
 * After a log-in where the page stands: the same person goes on where they were, with what they typed. For anybody else,
 * and where the workspace that is shown is not theirs any more, the page begins anew.
 */
export async function signedInAgain(session: Session): Promise<void> {
  const before = queries.getQueryData(sessionQuery.queryKey);
  const isSame = before?.user != null && before.user.id === session.user?.id;
  const now = isSame ? await aboutTheSame(session, before) : null;
  if (now === null) {
    if (!isSame) {
      forgetDrafts();
      forgetBotDrafts();
      forgetLastAccount();
    }
    location.assign("/");
    return;
  }
  queries.setQueryData(sessionQuery.queryKey, now);
  signedOut.set(false);
  stream.connection.start();
  await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
}

/** A new session begins in the person's first workspace; the page may show another one. Null: it cannot any more. */
async function aboutTheSame(session: Session, before: Session): Promise<Session | null> {
  if (before.workspace === null || session.workspace?.id === before.workspace?.id) return session;
  try {
    return await chooseWorkspace(before.workspace.id);
  } catch {
    return null;
  }
}

/** Forgets everything of the person, once no screen shows it any more. */
export function forgetPerson(): void {
  signedOut.set(false);
  stream.clear();
  queries.clear();
}
