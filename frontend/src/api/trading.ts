/** Calls about a whole account: cancel everything, read everything again; errors as in `calls`. */
import { body, client } from "./calls";
import type { Account, Category } from "./types";

export type CancelAll = { readonly id: string; readonly category: Category | null; readonly symbol: string | null };

/** How many cancels were asked. The same id again asks nothing new. */
export async function postCancelAll(accountId: string, request: CancelAll): Promise<number> {
  const path = { account_id: accountId };
  const answer = await body(client.POST("/api/v1/accounts/{account_id}/cancel-all", { params: { path }, body: { ...request } }));
  return answer.cancels.length;
}

/** Has the account read whole from the exchange; false when that takes longer than the server waits. */
export async function postReconcile(accountId: string): Promise<{ done: boolean; account: Account }> {
  const path = { account_id: accountId };
  return await body(client.POST("/api/v1/accounts/{account_id}/reconcile", { params: { path }, body: {} }));
}

/** Where a whole table can be fetched as CSV. */
export function exportAddress(accountId: string, table: "orders" | "fills" | "positions" | "balances"): string {
  return `/api/v1/accounts/${encodeURIComponent(accountId)}/export/${table}.csv`;
}
