/** Where a log-in leads to: an address of this page, whatever a link says. */

const HERE = "http://this.page.invalid";

/**
 * The address when it is a path of this page, else undefined: a link to the login must not send anybody elsewhere.
 * It is read as a browser reads it, which drops tabs and takes `\` for `/`.
 */
export function ownAddress(value: unknown): string | undefined {
  if (typeof value !== "string" || !value.startsWith("/")) return undefined;
  return URL.canParse(value, HERE) && new URL(value, HERE).origin === HERE ? value : undefined;
}

export type LoginSearch = { readonly next?: string | undefined; readonly reason?: "expired" | "left" | undefined };

/** Names every key: what a route's reader leaves out, the router hands on as it stands in the address. */
export function readLoginSearch(search: Record<string, unknown>): LoginSearch {
  const reason = search["reason"] === "expired" || search["reason"] === "left" ? search["reason"] : undefined;
  return { next: ownAddress(search["next"]), reason };
}
