/** Calls about real money: whether a live account may open positions, arming and disarming it; errors as in `calls`. */
import { body, client } from "./calls";
import type { ArmingBody, ArmingState } from "./types";

export function readArming(accountId: string): Promise<ArmingState> {
  return body(client.GET("/api/v1/accounts/{account_id}/arming", { params: { path: { account_id: accountId } } }));
}

/** The same id again is the same arming. */
export function armAccount(accountId: string, request: ArmingBody): Promise<ArmingState> {
  return body(client.POST("/api/v1/accounts/{account_id}/arming", { params: { path: { account_id: accountId } }, body: request }));
}

export function disarmAccount(accountId: string): Promise<ArmingState> {
  return body(client.POST("/api/v1/accounts/{account_id}/disarm", { params: { path: { account_id: accountId } } }));
}
