"""Which process owns an account: what a session and its journal need to know of it, and whose word a state is.

Lives here: the ports `Ownership` and `Placement`, `Dispossessed`, the advisory lock's key, and the SQL that tells
whether an account's owner lives. Not here: who owns what (`placement`), the check in each transaction (`store`).
An *epoch* is the number of an account's owning: each claim makes a higher one, every journal transaction is committed
only under the newest, and a session's state in our tables counts only while it was written under the newest by a worker
that lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Protocol
from uuid import UUID

from tradewright.core.errors import AppError
from tradewright.core.ids import AccountId

OWNER_LOCK_KEY = 0x7477_6F77_6E65_7200  # ours, among all advisory locks of the database

# Of a worker that has not been seen for so long a page says no more that it is ready. The supervisor kills it then.
SEEN_WITHIN = "interval '10 seconds'"

ShutReason = Literal[
    "not_held",  # this process has not owned anything yet
    "unseen",  # the last good look at the lock is too long ago, and nobody knows why
    "slept",  # this process or its machine stood still; everything is read again first
    "database_away",  # the database answers nobody here, so nobody here can own the accounts through it
    "lock_lost",  # the lock's connection is gone and the database is not: another may own the accounts
    "dispossessed",  # another owns them
]


class Dispossessed(AppError):
    """Another owner has claimed the account: nothing was written, and this process must end at once."""

    code = "session.dispossessed"


class Ownership(Protocol):
    """What a session asks before anything leaves, without waiting."""

    @property
    def is_open(self) -> bool:
        """Whether commands may leave: nobody else can own the accounts now."""
        ...

    @property
    def lets_reduce(self) -> bool:
        """Whether what takes exposure off may leave: the gate is open, or it is shut only because the database is away
        from everybody here."""
        ...

    @property
    def why_shut(self) -> ShutReason | None: ...


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an account is: `owner` is the worker's id, `beat_s` the age of its last beat by the database's clock."""

    account_id: AccountId
    owner: UUID
    epoch: int
    since: datetime
    beat_s: float
    is_alive: bool


class Placement(Ownership, Protocol):
    """Which accounts this process owns. Adapters: the advisory lock (`placement.single`) and tests' twin in memory."""

    @property
    def worker_id(self) -> UUID: ...

    async def claim(self, account_id: AccountId) -> int:
        """Waits until this process may own the account, makes it the owner and returns the new epoch.

        Raises `Dispossessed` when another owns it."""
        ...

    async def until_over(self, account_id: AccountId, epoch: int) -> None:
        """Returns once the account must be claimed anew, and its session built anew, before anything leaves."""
        ...

    async def until_stood_still(self) -> None:
        """Returns each time after this process or its machine has stood still. The gate is shut by then, until
        `go_on` is called: by then every session knows that it must read everything first."""
        ...

    def go_on(self) -> None: ...

    def give_up(self) -> None:
        """Somebody was told that another owns the accounts: the gate is shut for good."""
        ...

    async def where(self) -> Sequence[Placed]:
        """Every account that was ever owned, in the order of its creation."""
        ...


class SoleOwner:
    """For a process that shares its database with nobody: tools and tests. Its epoch 0 holds only while no owner has
    ever claimed the account; beside a real one its journal is refused."""

    worker_id: ClassVar[UUID] = UUID(int=0)
    is_open: ClassVar[bool] = True
    lets_reduce: ClassVar[bool] = True
    why_shut: ClassVar[ShutReason | None] = None

    async def claim(self, _account_id: AccountId) -> int:
        return 0

    async def until_over(self, _account_id: AccountId, _epoch: int) -> None:
        await asyncio.Event().wait()

    async def until_stood_still(self) -> None:
        await asyncio.Event().wait()

    def go_on(self) -> None:
        return None

    def give_up(self) -> None:
        return None

    async def where(self) -> Sequence[Placed]:
        return ()


# The worker that lives: it holds the lock, by the very server process that it wrote down (a number alone may be another
# process's by now), and was seen lately. PostgreSQL shows a 64-bit key as two halves, with objsubid 1.
OWNER = f"""(
    SELECT w.id FROM pg_locks l JOIN worker w ON w.lock_pid = l.pid AND w.ended_at IS NULL
     CROSS JOIN LATERAL pg_stat_get_activity(l.pid) s
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.classid = {OWNER_LOCK_KEY >> 32} AND l.objid = {OWNER_LOCK_KEY & 0xFFFF_FFFF}
       AND s.backend_start = w.lock_since AND w.beat > clock_timestamp() - {SEEN_WITHIN} LIMIT 1)"""  # noqa: S608

# Whether a worker lives and owns every account that does not rest. One that was just made is given a while.
IS_LOOKED_AFTER = f"""
SELECT o.living IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM accounts a LEFT JOIN account_owner p ON p.account_id = a.id
     WHERE NOT a.resting AND p.owner IS DISTINCT FROM o.living
       AND a.created_at < clock_timestamp() - {SEEN_WITHIN})
  FROM (SELECT {OWNER} AS living) o"""  # noqa: S608

# An account's row as the world outside may believe it.
ACCOUNTS = f"""
SELECT a.id, a.workspace_id, a.name, a.environment, a.uid, a.resting, a.event_seq, a.drift_count, a.created_at,
       a.total_equity, a.total_available, a.balances_at, a.session_since,
       a.margin_mode, a.reconciled_at, a.connection_id, a.categories, a.hedged_count, a.stopped, a.budget, a.budget_at,
       a.armed_until, a.confirm_above, a.read_only, a.is_owned,
       CASE WHEN a.is_owned THEN a.session_state ELSE 'connecting' END AS session_state,
       CASE WHEN a.is_owned THEN a.session_reason
            WHEN a.living IS NULL THEN '{{"code": "session.no_worker", "params": {{}}, "detail": null}}'::jsonb
             END AS session_reason
  FROM (SELECT b.*, o.living, p.owner IS NOT DISTINCT FROM o.living AND b.session_epoch = coalesce(p.epoch, 0)
                    AS is_owned
          FROM accounts b LEFT JOIN account_owner p ON p.account_id = b.id CROSS JOIN (SELECT {OWNER} AS living) o) a
"""  # noqa: S608
