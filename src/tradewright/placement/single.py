"""One worker owns all accounts: a session advisory lock on a connection of its own.

Lives here: `SingleOwner`, the adapter of `Placement` for one machine. Not here: the gate's bound (`gate`), rows and
statements (`rows`), sessions (`trading.worker`).

The lock goes with its connection, so a killed worker frees it within milliseconds. A worker that finds it held by
another ends with one sentence. One whose connection is lost shuts its gate at once, and takes the lock again as soon as
the database answers: where nobody else has it by then, every account is claimed anew under a higher epoch; else this
process ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock
from tradewright.core.errors import StartError
from tradewright.core.ids import AccountId
from tradewright.placement import rows
from tradewright.placement.gate import Gate, Timing
from tradewright.placement.rows import Former, Registered
from tradewright.trading.ownership import Dispossessed, Placed, ShutReason

log = structlog.get_logger()

_WAIT_S = 5.0  # the owner before may still be going down; the supervisor gives it half of that
_LOOK_S = 0.2
_ANSWER_S = 3.0  # the lock's connection answers by then, or counts as lost
_WAITS_S = 1.5  # for a row, on that connection: what waits must not look like a connection that is lost
_AWAY_LOOK_S = 0.5
_STOOD_STILL_S = 4.0  # a look that comes so much later than it should: the process or its machine stood still
_TAKING_TRIES = 10  # at a lock that is still held by our own lost connection


class SingleOwner:
    """`async with SingleOwner(…) as owner:` holds the lock, from when no request of the owner before can arrive any
    more; `keep` looks after it until cancelled. `has_ended` says of the owner before whether it is certain to be gone.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        worker: Registered,
        *,
        timing: Timing | None = None,
        has_ended: Callable[[Former], bool] = lambda _former: False,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._worker = worker
        self._timing = timing or Timing()
        self._has_ended = has_ended
        self._gate = Gate(clock, self._timing.gate_s, self._timing.lease_s)
        self._connection: AsyncConnection | None = None
        self._using = asyncio.Lock()  # the lock's connection, by one statement at a time
        self._claiming = asyncio.Lock()  # so that of many claims only one is ever before a look at the lock
        self._held = asyncio.Event()
        self._over = asyncio.Event()  # of what was claimed since the lock was last taken
        self._claims: dict[AccountId, tuple[int, asyncio.Event]] = {}
        self._stood_still = asyncio.Event()
        self._last_holder: rows.Holder | None = None  # the server process of our own last lock

    # What sessions ask.

    @property
    def worker_id(self) -> UUID:
        return self._worker.id

    @property
    def is_open(self) -> bool:
        return self._gate.is_open

    @property
    def lets_reduce(self) -> bool:
        return self._gate.why_shut in (None, "database_away")

    @property
    def why_shut(self) -> ShutReason | None:
        return self._gate.why_shut

    async def claim(self, account_id: AccountId) -> int:
        """Raises what the database raises; then nothing was claimed, and it may be tried again."""
        while True:
            await self._held.wait()
            async with self._claiming, self._using:
                if self._connection is None:
                    continue
                # On the lock's own connection: while that one answers the lock is ours.
                epoch = await rows.claim(self._connection, self._worker.id, account_id)
                self._claims[account_id] = (epoch, self._over)
                return epoch

    async def until_over(self, account_id: AccountId, epoch: int) -> None:
        newest, over = self._claims.get(account_id, (0, self._over))
        if newest == epoch:
            await over.wait()

    async def until_stood_still(self) -> None:
        await self._stood_still.wait()
        self._stood_still.clear()

    def go_on(self) -> None:
        self._gate.go_on()

    def give_up(self) -> None:
        self._gate.shut("dispossessed")

    async def where(self) -> Sequence[Placed]:
        async with self._engine.connect() as connection:
            return await rows.where(connection)

    # The lock.

    async def __aenter__(self) -> SingleOwner:
        deadline_s = self._clock.monotonic() + _WAIT_S
        while True:
            connection = await self._connect()
            if await rows.try_lock(connection):
                break
            await _drop(connection)
            if self._clock.monotonic() > deadline_s:
                raise StartError(
                    "another worker owns the accounts of this database; stop it first"
                    " (TRADEWRIGHT_PLACEMENT=single, the only placement so far, allows one worker)",
                    exit_code=10,
                )
            await self._clock.sleep(_LOOK_S)
        try:
            await self._begin(connection)
        except BaseException:
            await _drop(connection)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._gate.shut("not_held")
        async with self._using:
            connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await rows.end(connection, self._worker.id)  # whoever is next need not wait for us
            except (SQLAlchemyError, OSError, TimeoutError) as problem:
                log.warning("placement.end_unwritten", error=type(problem).__name__)
            await _drop(connection)  # ends the server's session, and the lock with it

    async def keep(self) -> None:
        """Looks at the lock again and again. Raises `Dispossessed` once another owns the accounts."""
        while True:
            before_s = self._clock.monotonic()
            await self._clock.sleep(self._timing.check_s)
            began_s = self._clock.monotonic()
            if began_s - before_s > self._timing.check_s + _STOOD_STILL_S:
                log.warning("placement.stood_still", for_s=round(began_s - before_s, 1))
                self._gate.stand_still()
                self._stood_still.set()
            try:
                await self._look()
            except (SQLAlchemyError, OSError, TimeoutError) as problem:
                log.error("placement.lock_lost", error=type(problem).__name__)
                await self._take_again()
                continue
            self._gate.seen(began_s)

    async def _look(self) -> None:
        async with asyncio.timeout(_ANSWER_S), self._using:
            assert self._connection is not None, "entered before kept"
            if not await rows.beat(self._connection, self._worker.id):
                self._gate.shut("dispossessed")
                raise Dispossessed("another worker has ended this one's ownership")

    async def _take_again(self) -> None:
        self._gate.shut("lock_lost")
        self._held.clear()
        async with self._using:
            lost, self._connection = self._connection, None
        if lost is not None:
            await _drop(lost)
        tries, another_has_it = 0, False
        while True:
            connection: AsyncConnection | None = None
            began_s = self._clock.monotonic()
            try:
                async with asyncio.timeout(_ANSWER_S):
                    connection = await self._connect()
                    is_taken = await rows.try_lock(connection)
                    if not is_taken and self._last_holder is not None:
                        # The server may not have noticed yet that our own connection is gone.
                        await rows.end_holder(connection, self._last_holder)
                if is_taken:
                    await self._begin(connection)
                    return
            except (SQLAlchemyError, OSError, TimeoutError):
                if another_has_it:
                    self._gate.shut("lock_lost")
                else:
                    self._gate.away(began_s)
                tries = 0
            else:
                tries += 1
                another_has_it |= tries > 1  # our own lost connection was ended at the first try
                self._gate.shut("lock_lost")
            if connection is not None:
                await _drop(connection)
            if tries >= _TAKING_TRIES:
                self._gate.shut("dispossessed")
                raise Dispossessed("another worker owns the accounts of this database by now")
            await self._clock.sleep(_LOOK_S if tries else _AWAY_LOOK_S)

    async def _begin(self, connection: AsyncConnection) -> None:
        """With the lock just taken: waits until nothing of another owner can arrive, then is the owner."""
        await self._wait_out(connection)
        began_s = self._clock.monotonic()
        self._last_holder = await rows.register(connection, self._worker)
        over, self._over = self._over, asyncio.Event()
        over.set()
        self._connection = connection
        self._gate.seen(began_s)
        self._held.set()
        log.info("placement.held", worker_id=str(self._worker.id))

    async def _wait_out(self, connection: AsyncConnection) -> None:
        """An owner that may live still has a gate that is open for a while, and requests on their way."""
        formers = [each for each in await rows.formers(connection, self._worker.id) if not self._has_ended(each)]
        left_s = max((self._timing.lease_s - each.seen_before_s for each in formers), default=0.0)
        if left_s > 0:
            log.warning("placement.waits", formers=[str(each.id) for each in formers], for_s=round(left_s, 1))
            await self._clock.sleep(left_s)

    async def _connect(self) -> AsyncConnection:
        connection = await (await self._engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
        await rows.wait_no_longer(connection, _WAITS_S)
        return connection


async def _drop(connection: AsyncConnection) -> None:
    try:
        async with asyncio.timeout(_ANSWER_S):
            await connection.invalidate()
            await connection.close()
    except (SQLAlchemyError, OSError, TimeoutError) as problem:
        log.warning("placement.drop_failed", error=type(problem).__name__)
