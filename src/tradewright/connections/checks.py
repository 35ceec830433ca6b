"""The worker's check of a key: asks the exchange whose it is and what it may do, and takes or refuses it.

Lives here: `KeyChecker`: which wait, one question each, pauses that grow while there is no answer. Not here: what an
answer means (`verdicts`), the rows (`store`). Whatever it was doing when it died is done again by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.connections.model import AccountHeld, AlreadyConnected, Connection, Credentials
from tradewright.connections.rows import CHANNEL
from tradewright.connections.store import (
    GoodKey,
    Provision,
    RestAccount,
    Waiting,
    open_credentials,
    postpone,
    refuse,
    take,
    waiting_for_check,
)
from tradewright.connections.verdicts import NoAnswer, RefusedKey, Verdict, judge, verdict_of
from tradewright.core.clock import Clock, Ids, Rng
from tradewright.core.errors import ExchangeError
from tradewright.core.fault import Fault
from tradewright.core.order import KeyFacts
from tradewright.exchange.bybit.codec import categories_of
from tradewright.storage.bus import Bus
from tradewright.storage.engine import reading
from tradewright.vault.opening import Opener
from tradewright.vault.wrapping import Unopenable

log = structlog.get_logger()

ANSWER_TIMEOUT_S = 20.0
PAUSE_S_FIRST = 2.0
PAUSE_S_MAX = 300.0


class KeyReader(Protocol):
    """What a check needs of the exchange; `OrderGateway` has it."""

    async def key_facts(self) -> KeyFacts: ...
    async def close(self) -> None: ...


# Opens the way to the exchange for one connection with its key. Raises `ExchangeError` where that cannot be.
OpenReader = Callable[[Connection, Credentials], KeyReader]


class KeyChecker:
    """Runs beside the sessions, in the process that owns the accounts."""

    def __init__(
        self,
        engine: AsyncEngine,
        bus: Bus,
        keyring: Opener,
        open_reader: OpenReader,
        *,
        provision: Provision,
        rest_account: RestAccount,
        clock: Clock,
        rng: Rng,
        ids: Ids,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._keyring = keyring
        self._open_reader = open_reader
        self._provision = provision
        self._rest_account = rest_account
        self._clock = clock
        self._rng = rng
        self._ids = ids
        self._busy: set[UUID] = set()

    async def run(self) -> None:
        """Until cancelled. The bus wakes it at each notification and each second."""
        hints = self._bus.subscribe(CHANNEL)
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    waiting = await waiting_for_check(self._engine, self._clock.now(), list(self._busy))
                except (SQLAlchemyError, OSError) as error:
                    log.warning("connections.unread", error=type(error).__name__)
                    waiting = []
                except Exception:  # a row that this version cannot read: keys wait, sessions go on
                    log.exception("connections.unread")
                    waiting = []
                for each in waiting:
                    self._busy.add(each.connection.id)
                    tasks.create_task(self._check(each))
                await hints.get()

    async def _check(self, waiting: Waiting) -> None:
        """One question and what follows. The database's failures are logged: the row still waits, and comes again.

        A bug in one check is written down in full and is no reason to end the worker of all accounts.
        """
        known = waiting.connection
        try:
            try:
                await self._ask_and_conclude(waiting)
            except (SQLAlchemyError, OSError):
                raise
            except Exception as error:
                log.exception("connection.check_failed", connection_id=str(known.id))
                await self._postpone(
                    waiting, NoAnswer(Fault("connection.check_failed", {"error": type(error).__name__}))
                )
        except (SQLAlchemyError, OSError) as error:
            log.warning("connection.unwritten", connection_id=str(known.id), error=type(error).__name__)
            await self._clock.sleep(PAUSE_S_FIRST)
        finally:
            self._busy.discard(known.id)

    async def _ask_and_conclude(self, waiting: Waiting) -> None:
        known = waiting.connection
        credentials: Credentials | None = None
        facts: KeyFacts | None = None
        verdict: Verdict
        try:
            async with reading(self._engine) as connection:
                credentials = await open_credentials(connection, self._keyring, known.workspace_id, known.id)
            facts = await self._ask(known, credentials)
            verdict = judge(facts, self._clock.now())
        except Unopenable as error:
            # Kept: HOME/vault may be restored, and the same box opens again.
            verdict = RefusedKey(Fault(error.code, detail=str(error)), for_good=False)
        except ExchangeError as error:
            verdict = verdict_of(error)
        match verdict:
            case NoAnswer():
                await self._postpone(waiting, verdict)
            case RefusedKey():
                await self._refuse(known, verdict, facts, credentials)
            case _:
                assert facts is not None
                assert credentials is not None
                await self._take(waiting, facts, credentials)

    async def _ask(self, known: Connection, credentials: Credentials) -> KeyFacts:
        reader = self._open_reader(known, credentials)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await reader.key_facts()
        except TimeoutError as error:
            raise ExchangeError(f"no answer about the key within {ANSWER_TIMEOUT_S:g} s") from error
        finally:
            await reader.close()

    async def _take(self, waiting: Waiting, facts: KeyFacts, credentials: Credentials) -> None:
        known = waiting.connection
        good = GoodKey(connection=known, facts=facts, categories=categories_of(facts.permissions))
        try:
            async with self._engine.begin() as connection:
                taken = await take(
                    connection,
                    self._keyring,
                    good,
                    credentials,
                    provision=self._provision,
                    now=self._clock.now(),
                    ids=self._ids,
                )
        except AlreadyConnected as error:
            # Not whose: another workspace's connections are nobody's business.
            await self._refuse(known, RefusedKey(Fault(error.code), for_good=True), facts, credentials)
            return
        except AccountHeld as error:
            await self._postpone(waiting, NoAnswer(Fault(error.code)))
            return
        if taken:
            log.info("connection.ok", connection_id=str(known.id), environment=known.environment, uid=facts.uid)

    async def _refuse(
        self, known: Connection, verdict: RefusedKey, facts: KeyFacts | None, credentials: Credentials | None
    ) -> None:
        async with self._engine.begin() as connection:
            await refuse(
                connection,
                self._keyring,
                known,
                verdict,
                facts=facts,
                credentials=credentials,
                rest_account=self._rest_account,
                now=self._clock.now(),
                ids=self._ids,
            )
        log.warning("connection.refused", connection_id=str(known.id), reason=verdict.fault.code)

    async def _postpone(self, waiting: Waiting, verdict: NoAnswer) -> None:
        growing_s = min(PAUSE_S_MAX, PAUSE_S_FIRST * 2 ** min(waiting.failures, 16))
        pause_s = max(verdict.pause_s, growing_s * (0.5 + 0.5 * self._rng.random()))
        async with self._engine.begin() as connection:
            await postpone(connection, waiting, verdict, now=self._clock.now(), pause_s=pause_s)
        known = waiting.connection
        log.warning(
            "connection.unchecked",
            connection_id=str(known.id),
            reason=verdict.fault.as_json(),
            retry_in_s=round(pause_s, 1),
        )
