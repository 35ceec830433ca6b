"""The worker's check of a key: asks the exchange whose it is and what it may do, and takes or refuses it.

Lives here: `KeyChecker`. Not here: the question (`asking`), which wait and for how long (`rounds`), what an answer
means (`verdicts`), the rows (`store`), a key that is to take another's place (`change_checks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from tradewright.connections.asking import CheckParts, ask_about
from tradewright.connections.boxes import open_credentials
from tradewright.connections.model import AccountHeld, AlreadyOwned, Connection, Credentials
from tradewright.connections.rounds import Rounds
from tradewright.connections.store import (
    GoodKey,
    RestAccount,
    Waiting,
    postpone,
    refuse,
    take,
    waiting_for_check,
)
from tradewright.connections.verdicts import NoAnswer, RefusedKey, Verdict, judge, verdict_of
from tradewright.core.errors import ExchangeError
from tradewright.core.fault import Fault
from tradewright.core.order import KeyFacts
from tradewright.exchange.bybit.codec import categories_of
from tradewright.storage.engine import reading
from tradewright.vault.wrapping import Unopenable

log = structlog.get_logger()


class KeyChecker(Rounds[Waiting]):
    what = "connection.check"

    def __init__(self, parts: CheckParts, *, rest_account: RestAccount) -> None:
        super().__init__(parts.engine, parts.bus, clock=parts.clock, rng=parts.rng)
        self._parts = parts
        self._rest_account = rest_account

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
                credentials = await open_credentials(connection, self._parts.keyring, known.workspace_id, known.id)
            facts = await ask_about(self._parts.open_reader, known, credentials)
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
                    self._parts.keyring,
                    good,
                    credentials,
                    provision=self._parts.provision,
                    now=self._clock.now(),
                    ids=self._parts.ids,
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
                self._parts.keyring,
                known,
                verdict,
                facts=facts,
                credentials=credentials,
                rest_account=self._rest_account,
                now=self._clock.now(),
                ids=self._parts.ids,
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
