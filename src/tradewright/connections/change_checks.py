"""The worker's check of a change: the same question as for a new key, and the old one holds until it is answered.

Lives here: `ChangeChecker`. Not here: the rows (`change_store`), what an answer means (`verdicts`). A key that is taken
must be of the same account of the exchange; the running session is handed it without being ended (`trading.keys`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.connections.asking import CheckParts, ask_about
from tradewright.connections.boxes import open_credentials
from tradewright.connections.change_model import Changed
from tradewright.connections.change_store import (
    Reroute,
    WaitingChange,
    open_change,
    postpone_change,
    refuse_change,
    take_change,
    waiting_changes,
)
from tradewright.connections.model import AccountHeld, AlreadyOwned, Connection, Credentials, OtherAccount
from tradewright.connections.rounds import Rounds
from tradewright.connections.store import GoodKey
from tradewright.connections.verdicts import NoAnswer, RefusedKey, Verdict, judge, verdict_of
from tradewright.core.errors import ExchangeError
from tradewright.core.fault import Fault
from tradewright.core.order import KeyFacts
from tradewright.exchange.bybit.codec import categories_of
from tradewright.storage.engine import reading
from tradewright.vault.wrapping import Unopenable

log = structlog.get_logger()

_KEY_GONE = Fault("connection.key_wiped")
_GIVES_UP_TRADING = Fault("connection.read_only_change")


class ChangeChecker(Rounds[WaitingChange]):
    what = "connection.change"

    def __init__(self, parts: CheckParts, *, reroute: Reroute) -> None:
        super().__init__(parts.engine, parts.bus, clock=parts.clock, rng=parts.rng)
        self._parts = parts
        self._reroute = reroute

    async def waiting(self, busy: Sequence[UUID]) -> Sequence[WaitingChange]:
        return await waiting_changes(self._engine, self._clock.now(), busy)

    def id_of(self, item: WaitingChange) -> UUID:
        return item.change_id

    async def attend(self, item: WaitingChange) -> None:
        facts: KeyFacts | None = None
        credentials: Credentials | None = None
        verdict: Verdict
        try:
            async with reading(self._engine) as connection:
                changed = await open_change(connection, self._parts.keyring, item)
                credentials = changed.applied_to(await self._current(connection, item, changed))
            if credentials is None:
                await self._refuse(item, RefusedKey(_KEY_GONE, for_good=True))
                return
            facts = await ask_about(self._parts.open_reader, self._as_changed(item), credentials)
            verdict = _kept_in_hand(item.connection, facts) or judge(facts, self._clock.now())
        except Unopenable as error:
            verdict = RefusedKey(Fault(error.code, detail=str(error)), for_good=True)
        except ExchangeError as error:
            verdict = verdict_of(error, item.connection.environment)
        match verdict:
            case NoAnswer():
                await self.put_off(item, verdict)
            case RefusedKey():
                await self._refuse(item, verdict)
            case _:
                assert facts is not None
                assert credentials is not None
                await self._take(item, facts, changed, credentials)

    async def put_off(self, item: WaitingChange, nothing: NoAnswer) -> None:
        pause_s = self.pause_s(item.failures, nothing)
        async with self._engine.begin() as connection:
            await postpone_change(connection, item, nothing, now=self._clock.now(), pause_s=pause_s)
        log.warning(
            "connection.change_unchecked",
            connection_id=str(item.connection.id),
            reason=nothing.fault.as_json(),
            retry_in_s=round(pause_s, 1),
        )

    async def _current(self, connection: AsyncConnection, item: WaitingChange, changed: Changed) -> Credentials | None:
        """What is in force, where something of it stays."""
        if changed.key is not None and changed.proxy is not None:
            return None
        known = item.connection
        is_kept = await connection.scalar(
            text("SELECT 1 FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"),
            {"id": known.id, "workspace": known.workspace_id},
        )
        if is_kept is None:
            return None
        try:
            return await open_credentials(connection, self._parts.keyring, known.workspace_id, known.id)
        except Unopenable:
            if changed.key is None:
                raise
            return None  # a new key is a way out of a keyring that was lost; its proxy is typed again

    def _as_changed(self, item: WaitingChange) -> Connection:
        known = item.connection
        return known if known.change is None else replace(known, region=known.change.region)

    async def _take(self, item: WaitingChange, facts: KeyFacts, changed: Changed, credentials: Credentials) -> None:
        known = self._as_changed(item)
        good = GoodKey(connection=known, facts=facts, categories=categories_of(facts.permissions))
        try:
            async with self._engine.begin() as connection:
                taken = await take_change(
                    connection,
                    self._parts.keyring,
                    item,
                    good,
                    credentials,
                    provision=self._parts.provision,
                    reroute=self._reroute,
                    is_rerouted=changed.proxy is not None or known.region != item.connection.region,
                    now=self._clock.now(),
                    ids=self._parts.ids,
                )
        except (OtherAccount, AlreadyOwned) as error:
            await self._refuse(item, RefusedKey(Fault(error.code), for_good=True))
            return
        except AccountHeld as error:
            await self.put_off(item, NoAnswer(Fault(error.code)))
            return
        if taken:
            log.info("connection.changed", connection_id=str(known.id), uid=facts.uid)

    async def _refuse(self, item: WaitingChange, verdict: RefusedKey) -> None:
        async with self._engine.begin() as connection:
            refused = await refuse_change(connection, item, verdict, now=self._clock.now(), ids=self._parts.ids)
        if not refused:
            return  # given up meanwhile
        log.warning("connection.change_refused", connection_id=str(item.connection.id), reason=verdict.fault.code)


def _kept_in_hand(known: Connection, facts: KeyFacts) -> RefusedKey | None:
    """A key that may only read does not take the place of one that trades: positions would lose who protects and stops
    them, by what may have been a slip. Whoever wants that removes the connection and adds the account anew."""
    if known.facts is None or known.facts.read_only or not facts.read_only or facts.may_withdraw:
        return None
    return RefusedKey(_GIVES_UP_TRADING, for_good=True)
