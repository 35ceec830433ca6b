"""The SQL of placement: the lock, who holds it, workers, and which of them owns which account.

Lives here: one statement or two a function, on the caller's connection. Not here: when any of it is asked (`single`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import AccountId
from tradewright.trading.ownership import ACCOUNTS, OWNER, OWNER_LOCK_KEY, Placed

# Each worker's connections bear its id, so that the next owner can end those that a stopped one left in a transaction.
APPLICATION = "tradewright-worker"
_NAMED = 12  # digits of the id in that name


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A worker as it is written down. `host` and `process` as of `process.identity`."""

    id: UUID
    host: str
    process: str
    version: str
    capacity: int = 1_000

    @property
    def application(self) -> str:
        """The name of its connections, without the program's."""
        return f"worker-{self.id.hex[-_NAMED:]}"


@dataclass(frozen=True, slots=True)
class Former:
    """A worker that was not seen to end; `seen_before_s` is the age of its last beat."""

    id: UUID
    host: str
    process: str
    seen_before_s: float


@dataclass(frozen=True, slots=True)
class Holder:
    """A server process, named for good."""

    pid: int
    since: datetime


async def try_lock(connection: AsyncConnection) -> bool:
    return bool(await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": OWNER_LOCK_KEY}))


async def end_holder(connection: AsyncConnection, holder: Holder) -> None:
    """Ends that server process, if it is still the same."""
    await connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity(:pid)"
            " WHERE backend_start = :since AND pid <> pg_backend_pid()"
        ),
        {"pid": holder.pid, "since": holder.since},
    )


async def formers(connection: AsyncConnection, worker_id: UUID) -> Sequence[Former]:
    found = await connection.execute(
        text(
            "SELECT id, host, process,"
            " CAST(EXTRACT(EPOCH FROM clock_timestamp() - beat) AS double precision) AS before_s"
            " FROM worker WHERE ended_at IS NULL AND id <> :id ORDER BY beat"
        ),
        {"id": worker_id},
    )
    return [Former(row.id, row.host, row.process, max(0.0, row.before_s)) for row in found]


async def register(connection: AsyncConnection, worker: Registered) -> Holder:
    """With the lock held on this connection: every other worker has ended, whether it knows it or not."""
    await connection.execute(text("SET lock_timeout = '2s'"))  # a claim must not keep the next look waiting
    await connection.execute(
        text("UPDATE worker SET ended_at = clock_timestamp() WHERE ended_at IS NULL AND id <> :id"), {"id": worker.id}
    )
    await connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = current_user AND pid <> pg_backend_pid()"
            " AND application_name LIKE :workers AND application_name <> :ours"
        ),
        {"workers": f"{APPLICATION}-%", "ours": f"tradewright-{worker.application}"},
    )
    found = await connection.execute(
        text(
            "INSERT INTO worker (id, host, process, version, capacity, began_at, beat, lock_pid, lock_since)"
            " SELECT :id, :host, :process, :version, :capacity, clock_timestamp(), clock_timestamp(), a.pid,"
            " a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a"
            " ON CONFLICT (id) DO UPDATE SET beat = clock_timestamp(), ended_at = NULL,"
            " lock_pid = excluded.lock_pid, lock_since = excluded.lock_since RETURNING lock_pid, lock_since"
        ),
        {
            "id": worker.id,
            "host": worker.host,
            "process": worker.process,
            "version": worker.version,
            "capacity": worker.capacity,
        },
    )
    row = found.one()
    return Holder(row.lock_pid, row.lock_since)


async def wait_no_longer(connection: AsyncConnection, seconds: float) -> None:
    """A statement that waits so long for somebody else's transaction fails; the connection stays as it is."""
    await connection.execute(
        text("SELECT set_config('lock_timeout', :within, false)"), {"within": f"{seconds * 1000:.0f}ms"}
    )


async def beat(connection: AsyncConnection, worker_id: UUID) -> bool:
    """Whether the worker counts as living, which it is seen to do now."""
    seen = await connection.execute(
        text("UPDATE worker SET beat = clock_timestamp() WHERE id = :id AND ended_at IS NULL"), {"id": worker_id}
    )
    return bool(seen.rowcount)


async def end(connection: AsyncConnection, worker_id: UUID) -> None:
    await connection.execute(
        text("UPDATE worker SET ended_at = clock_timestamp() WHERE id = :id AND ended_at IS NULL"), {"id": worker_id}
    )


async def claim(connection: AsyncConnection, worker_id: UUID, account_id: AccountId) -> int:
    """The new epoch. Waits for transactions of the epoch before: they are committed, or fail after this."""
    epoch: int = await connection.scalar(
        text(
            "INSERT INTO account_owner (account_id, owner, epoch, since)"
            " VALUES (:account, :worker, 1, clock_timestamp()) ON CONFLICT (account_id) DO UPDATE"
            " SET owner = excluded.owner, epoch = account_owner.epoch + 1, since = clock_timestamp() RETURNING epoch"
        ),
        {"account": account_id, "worker": worker_id},
    )
    return epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An account with its owner, if it ever had one, and its session's state as the world may believe it."""

    account_id: AccountId
    name: str
    environment: str
    uid: str
    state: str
    process: str | None  # the owner's
    placed: Placed | None


async def listed(connection: AsyncConnection) -> Sequence[Listed]:
    """Every account, also one that rests, oldest first."""
    placed = {one.account_id: one for one in await where(connection)}
    found = await connection.execute(
        text(
            "SELECT a.id, a.name, a.environment, a.uid, CASE WHEN a.resting THEN 'resting' ELSE a.session_state END"  # noqa: S608
            f" AS state, w.process FROM ({ACCOUNTS}) a LEFT JOIN account_owner o ON o.account_id = a.id"
            " LEFT JOIN worker w ON w.id = o.owner ORDER BY a.created_at, a.id"
        )
    )
    return [
        Listed(
            account_id=AccountId(row.id),
            name=row.name,
            environment=row.environment,
            uid=row.uid,
            state=row.state,
            process=row.process,
            placed=placed.get(AccountId(row.id)),
        )
        for row in found
    ]


async def where(connection: AsyncConnection) -> Sequence[Placed]:
    found = await connection.execute(
        text(
            "SELECT o.account_id, o.owner, o.epoch, o.since, o.owner IS NOT DISTINCT FROM l.id AS is_alive,"  # noqa: S608
            " CAST(EXTRACT(EPOCH FROM clock_timestamp() - w.beat) AS double precision) AS beat_s"
            " FROM account_owner o JOIN worker w ON w.id = o.owner JOIN accounts a ON a.id = o.account_id"
            f" CROSS JOIN (SELECT {OWNER} AS id) l ORDER BY a.created_at, a.id"
        )
    )
    return [
        Placed(AccountId(row.account_id), row.owner, row.epoch, row.since, row.beat_s, row.is_alive) for row in found
    ]
