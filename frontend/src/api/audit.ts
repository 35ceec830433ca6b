/** Calls about the audit trail; errors as in `calls`. */
import { body, client } from "./calls";
import { NoAnswer, readProblem, Refused } from "./errors";
import type { components } from "./schema";
import { fileName } from "./trading";

export type AuditEntry = components["schemas"]["AuditEntry"];
export type AuditPage = components["schemas"]["AuditPage"];
export type AuditExport = components["schemas"]["AuditExport"];
export type OrderStory = components["schemas"]["OrderStory"];

/** What the list is narrowed to; what is not named is open. */
export type AuditFilter = {
  readonly from_ms?: number;
  readonly to_ms?: number;
  readonly actor?: string;
  readonly action?: string;
  readonly object_kind?: string;
  readonly object_id?: string;
  readonly account_id?: string;
  readonly outcome?: string;
};

/** A long trail takes a while; one that stops coming is given up. */
const EXPORT_TIMEOUT_MS = 120_000;

export function readAudit(filter: AuditFilter, before: string | null): Promise<AuditPage> {
  const query = { ...filter, limit: 50, ...(before === null ? {} : { before }) };
  return body(client.GET("/api/v1/audit", { params: { query } }));
}

export async function readAuditExports(): Promise<readonly AuditExport[]> {
  return (await body(client.GET("/api/v1/audit/exports"))).exports;
}

export async function readOrderStory(accountId: string, orderId: string): Promise<OrderStory> {
  const path = { account_id: accountId, order_id: orderId };
  return (await body(client.GET("/api/v1/accounts/{account_id}/orders/{order_id}/story", { params: { path } }))).story;
}

/** The whole list as a CSV file. It needs a fresh proof of who asks. */
export async function exportAudit(filter: AuditFilter): Promise<{ file: Blob; name: string }> {
  const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
  let response: Response;
  try {
    response = await fetch(`/api/v1/audit/export.csv?${query.toString()}`, { signal: AbortSignal.timeout(EXPORT_TIMEOUT_MS) });
    // An answer that breaks off in the middle fails here: a part is never saved as the whole.
    if (response.ok) return { file: await response.blob(), name: fileName(response.headers.get("content-disposition")) ?? "audit.csv" };
  } catch (cause) {
    throw new NoAnswer(cause);
  }
  throw new Refused(readProblem(response.status, await response.json().catch(() => null)));
}
