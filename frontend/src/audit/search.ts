/** What of the audit log is in its address: every filter, so that a view can be sent to somebody. Days are of UTC. */
import type { AuditFilter } from "../api/audit";

export type AuditSearch = {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly who?: string | undefined;
  readonly what?: string | undefined;
  readonly account?: string | undefined;
  readonly result?: string | undefined;
  readonly kind?: string | undefined;
  readonly id?: string | undefined;
};

const DAY_MS = 86_400_000;
const WORD = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What makes no sense is dropped, so that an old link still opens. */
export function readAuditSearch(search: Record<string, unknown>): AuditSearch {
  const text = (name: string, pattern: RegExp): string | undefined => {
    const value = search[name];
    return typeof value === "string" && pattern.test(value) ? value : undefined;
  };
  const day = (name: string): string | undefined => {
    const value = text(name, /^\d{4}-\d{2}-\d{2}$/);
    return value === undefined || Number.isNaN(Date.parse(value)) ? undefined : value;
  };
  return {
    from: day("from"),
    to: day("to"),
    who: text("who", /^(system|exchange|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/),
    what: text("what", WORD),
    account: text("account", UUID),
    result: text("result", WORD),
    kind: text("kind", WORD),
    id: text("id", /^[\x20-\x7e]{1,200}$/),
  };
}

export function filterOf(search: AuditSearch): AuditFilter {
  return {
    ...(search.from === undefined ? {} : { from_ms: Math.max(0, Date.parse(search.from)) }),
    ...(search.to === undefined ? {} : { to_ms: Math.max(0, Date.parse(search.to) + DAY_MS) }), // that day included
    ...(search.who === undefined ? {} : { actor: search.who }),
    ...(search.what === undefined ? {} : { action: search.what }),
    ...(search.account === undefined ? {} : { account_id: search.account }),
    ...(search.result === undefined ? {} : { outcome: search.result }),
    ...(search.kind === undefined ? {} : { object_kind: search.kind }),
    ...(search.id === undefined ? {} : { object_id: search.id }),
  };
}
