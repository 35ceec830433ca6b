/** Calls about differences between us and the exchange; errors as in `calls`. */
import { body, client } from "./calls";
import type { Decision, Difference } from "./types";

export async function readDifferences(accountId: string): Promise<readonly Difference[]> {
  const path = { account_id: accountId };
  return (await body(client.GET("/api/v1/accounts/{account_id}/differences", { params: { path } }))).differences;
}

/** `version`: of the difference as it was seen; another one by now is a conflict. Asked again it answers the same. */
export function decideDifference(seen: Difference, decision: Decision, always: boolean): Promise<Difference> {
  const path = { account_id: seen.account_id, difference_id: seen.id };
  const request = { decision, version: seen.version, always };
  return body(client.POST("/api/v1/accounts/{account_id}/differences/{difference_id}/decide", { params: { path }, body: request }));
}
