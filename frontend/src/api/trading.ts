/** Calls about a whole account: cancel everything, read everything again; errors as in `calls`. */
import { body, client } from "./calls";
import { NoAnswer, readProblem, Refused } from "./errors";
import type { Account, Category } from "./types";

export type CancelAll = {
  readonly id: string;
  readonly category: Category | null;
  readonly symbol: string | null;
  readonly external: boolean;
  readonly conditional: boolean;
};

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

export type ExportedTable = "orders" | "fills" | "positions" | "balances";

/** A long table takes a while; one that stops coming is given up. */
const EXPORT_TIMEOUT_MS = 120_000;

/** A whole table as a CSV file, under the name that the server gives it. */
export async function readTable(accountId: string, table: ExportedTable): Promise<{ file: Blob; name: string }> {
  let response: Response;
  try {
    const address = `/api/v1/accounts/${encodeURIComponent(accountId)}/export/${table}.csv`;
    response = await fetch(address, { signal: AbortSignal.timeout(EXPORT_TIMEOUT_MS) });
    // An answer that breaks off in the middle fails here: a part is never saved as the whole.
    if (response.ok) return { file: await response.blob(), name: fileName(response.headers.get("content-disposition")) ?? `${table}.csv` };
  } catch (cause) {
    throw new NoAnswer(cause);
  }
  throw new Refused(readProblem(response.status, await response.json().catch(() => null)));
}

/** The name in a `content-disposition`: the encoded one, which may hold any letters, before the plain one. */
export function fileName(disposition: string | null): string | null {
  const encoded = /filename\*=utf-8''([^;]+)/i.exec(disposition ?? "")?.[1];
  try {
    if (encoded !== undefined) return decodeURIComponent(encoded);
  } catch {
    // Not encoded as it says: the plain one is there too.
  }
  return /filename="([^"]+)"/i.exec(disposition ?? "")?.[1] ?? null;
}
