/** Why nobody who looks at this page may send anything for an account. */
import type { Role } from "../api/people";
import type { Account } from "../api/types";

/** `viewer`: the role in the workspace only looks. `read_only`: the account's key may only read. Each has its sentence: `ticket.block_…`. */
export type Bar = "viewer" | "read_only";

export function barOf(role: Role | undefined, account: Pick<Account, "read_only">): Bar | null {
  if (role === "viewer") return "viewer";
  return account.read_only ? "read_only" : null;
}
