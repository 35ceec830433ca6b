"""How anybody can tell whether a worker owns the accounts right now.

Lives here: the advisory lock's key and the SQL that looks for its holder. Not here: holding it (`placement.single`).
A session's state in our tables is its owner's word, and a killed owner cannot take its word back: the state counts only
while the one who wrote it holds the lock.
"""

from __future__ import annotations

OWNER_LOCK_KEY = 0x7477_6F77_6E65_7200  # ours, among all advisory locks of the database

# The server process that holds the lock, or null. PostgreSQL shows a 64-bit key as two halves, with objsubid 1.
OWNER = f"""(
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND classid = {OWNER_LOCK_KEY >> 32} AND objid = {OWNER_LOCK_KEY & 0xFFFF_FFFF} LIMIT 1)"""  # noqa: S608

# An account's row as the world outside may believe it.
ACCOUNTS = f"""
SELECT a.id, a.workspace_id, a.name, a.environment, a.uid, a.resting, a.event_seq, a.drift_count, a.created_at,
       a.total_equity, a.total_available, a.balances_at, a.session_since,
       a.margin_mode, a.reconciled_at, a.connection_id, a.categories,
       a.session_owner IS NOT DISTINCT FROM o.pid AS is_owned,
       CASE WHEN a.session_owner IS NOT DISTINCT FROM o.pid THEN a.session_state ELSE 'connecting' END AS session_state,
       CASE WHEN a.session_owner IS NOT DISTINCT FROM o.pid THEN a.session_reason
            WHEN o.pid IS NULL THEN '{{"code": "session.no_worker", "params": {{}}, "detail": null}}'::jsonb
             END AS session_reason
  FROM accounts a CROSS JOIN (SELECT {OWNER} AS pid) o
"""  # noqa: S608
