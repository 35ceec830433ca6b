/** Calls about how an account stands: kill switch, limits, request budget, going on; errors as in `calls`. */
import { body, client } from "./calls";
import type { KillAnswer, KillBody, KillLatch, KillScope, KillState, LimitsBody, LimitsState, RateBudget } from "./types";

export function readKill(): Promise<KillState> {
  return body(client.GET("/api/v1/kill"));
}

/** Asked again it changes nothing, but may add that positions are closed. */
export function postKill(request: KillBody): Promise<KillAnswer> {
  return body(client.POST("/api/v1/kill", { body: request }));
}

export async function releaseKill(scope: KillScope, accountId: string | null): Promise<readonly KillLatch[]> {
  return (await body(client.POST("/api/v1/kill/release", { body: { scope, account_id: accountId } }))).released;
}

export function readLimits(accountId: string): Promise<LimitsState> {
  return body(client.GET("/api/v1/accounts/{account_id}/limits", { params: { path: { account_id: accountId } } }));
}

/** What one level says from now on, whole: what is not named it says nothing of. */
export function putLimits(accountId: string, limits: LimitsBody): Promise<LimitsState> {
  return body(client.PUT("/api/v1/accounts/{account_id}/limits", { params: { path: { account_id: accountId } }, body: limits }));
}

export function readBudget(accountId: string): Promise<RateBudget> {
  return body(client.GET("/api/v1/accounts/{account_id}/budget", { params: { path: { account_id: accountId } } }));
}

/** Goes on after the exchange refused the key or the account; false: it was not stopped. */
export async function resumeAccount(accountId: string): Promise<boolean> {
  return (await body(client.POST("/api/v1/accounts/{account_id}/resume", { params: { path: { account_id: accountId } } }))).was_stopped;
}
