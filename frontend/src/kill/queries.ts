/** What the page knows of stops: asked often while something is still being taken down, else now and then. */
import { queryOptions } from "@tanstack/react-query";
import { readKill } from "../api/standing";
import type { KillAccount, KillLatch, KillState } from "../api/types";

const BUSY_MS = 1_000;
const QUIET_MS = 5_000;

export const killQuery = queryOptions({
  queryKey: ["kill"],
  queryFn: readKill,
  staleTime: 1_000,
  retry: false,
  refetchInterval: ({ state }) => (isBusy(state.data) ? BUSY_MS : QUIET_MS),
});

/** A stop holds, and something that it is about is still open or not looked at. */
export function isBusy(state: KillState | undefined): boolean {
  return state !== undefined && state.latches.some((latch) => stillOpen(latch, state.accounts).some((account) => account.state !== "done"));
}

/** The accounts that a stop is about, as the worker sees them now. */
export function stillOpen(latch: KillLatch, accounts: readonly KillAccount[]): readonly KillAccount[] {
  return latch.scope === "account" ? accounts.filter((each) => each.account_id === latch.account_id) : accounts;
}
