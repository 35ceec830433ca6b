/** Calls about API tokens; errors as in `calls`. */
import { body, client, type Answer } from "./calls";
import type { components } from "./schema";

export type ApiToken = components["schemas"]["ApiToken"];
export type MadeToken = components["schemas"]["MadeToken"];
export type TokenBody = components["schemas"]["TokenBody"];
export type TokenList = components["schemas"]["TokenList"];
export type TokenScope = ApiToken["scopes"][number];

export function readTokens(): Promise<TokenList> {
  return body(client.GET("/api/v1/tokens"));
}

/** The one answer that holds the token itself. */
export function postToken(request: TokenBody): Promise<MadeToken> {
  return body(client.POST("/api/v1/tokens", { body: request }));
}

export async function revokeToken(id: string): Promise<void> {
  const request = client.POST("/api/v1/tokens/{token_id}/revoke", { params: { path: { token_id: id } } });
  await body(request as Promise<Answer<unknown>>);
}
