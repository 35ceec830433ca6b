"""The worker's check of a key: asks the exchange whose it is and what it may do, and takes or refuses it.

Lives here: `KeyChecker`, and the one question (`ask_about`). Not here: which wait and for how long (`rounds`), what an
answer means (`verdicts`), the rows (`store`), a key that is to take another's place (`change_checks`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.connections.boxes import open_credentials
from tradewright.connections.model import AccountHeld, AlreadyOwned, Connection, Credentials
from tradewright.connections.rounds import Rounds
from tradewright.connections.store import (
    GoodKey,
    Provision,
    RestAccount,
    Waiting,
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


class KeyReader(Protocol):
    """What a check needs of the exchange; `OrderGateway` has it."""

    async def key_facts(self) -> KeyFacts: ...
    async def close(self) -> None: ...


# Opens the way to the exchange for one connection with its key. Raises `ExchangeError` where that cannot be.
OpenReader = Callable[[Connection, Credentials], KeyReader]


async def ask_about(open_reader: OpenReader, known: Connection, credentials: Credentials) -> KeyFacts:
    """Raises `ExchangeError`."""
    reader = open_reader(known, credentials)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await reader.key_facts()
    except TimeoutError as error:
        raise ExchangeError(f"no answer about the key within {ANSWER_TIMEOUT_S:g} s") from error
    finally:
        await reader.close()


class KeyChecker(Rounds[Waiting]):
    what = "connection.check"

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
        super().__init__(engine, bus, clock=clock, rng=rng)
        self._keyring = keyring
        self._open_reader = open_reader
        self._provision = provision
        self._rest_account = rest_account
        self._ids = ids

    async def waiting(self, busy: Sequence[UUID]) -> Sequence[Waiting]:
        return await waiting_for_check(self._engine, self._clock.now(), busy)

    def id_of(self, item: Waiting) -> UUID:
        return item.connection.id

    async def attend(self, item: Waiting) -> None:
        waiting, known = item, item.connection
        credentials: Credentials | None = None
        facts: KeyFacts | None = None
        verdict: Verdict
        try:
            async with reading(self._engine) as connection:
                credentials = await open_credentials(connection, self._keyring, known.workspace_id, known.id)
            facts = await ask_about(self._open_reader, known, credentials)
            verdict = judge(facts, self._clock.now())
        except Unopenable as error:
            # Kept: HOME/vault may be restored, and the same box opens again.
            verdict = RefusedKey(Fault(error.code, detail=str(error)), for_good=False)
        except ExchangeError as error:
            verdict = verdict_of(error, known.environment)
        match verdict:
            case NoAnswer():
                await self.put_off(waiting, verdict)
            case RefusedKey():
                await self._refuse(known, verdict, facts, credentials)
            case _:
                assert facts is not None
                assert credentials is not None
                await self._take(waiting, facts, credentials)

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
        except AlreadyOwned as error:
            # Not whose: another workspace's connections are nobody's business.
            await self._refuse(known, RefusedKey(Fault(error.code), for_good=True), facts, credentials)
            return
        except AccountHeld as error:
            await self.put_off(waiting, NoAnswer(Fault(error.code)))
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

    async def put_off(self, item: Waiting, nothing: NoAnswer) -> None:
        pause_s = self.pause_s(item.failures, nothing)
        async with self._engine.begin() as connection:
            await postpone(connection, item, nothing, now=self._clock.now(), pause_s=pause_s)
        log.warning(
            "connection.unchecked",
            connection_id=str(item.connection.id),
            reason=nothing.fault.as_json(),
            retry_in_s=round(pause_s, 1),
        )
