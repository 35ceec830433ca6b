"""The ledger beside a whole session with faults: lost and doubled events, kills, a database that fails at any commit.

When the faults are over its books are the exchange's, to the last digit, whatever was lost and told late before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sim.memory_ledger import MemoryBooks, MemoryLedger
from sim.whole.faults import FaultPlan
from sim.whole.run import run_seed
from sim.whole.wire import FaultyWire
from sim.whole.world import INSTRUMENTS, World
from tradewright.core.ledger import unbalanced
from tradewright.trading.ledger.keeper import LedgerKeeper
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts

SEEDS = 4


class FailingLedger(MemoryLedger):
    """The books in a database that may answer nothing: before a commit nothing happened, after it everything did."""

    def __init__(self, rows: MemoryBooks, step: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(rows)
        self._step = step

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not asyncio.iscoroutinefunction(found):
            return found
        step = super().__getattribute__("_step")

        async def whole(*arguments: Any, **named: Any) -> Any:
            await step(f"ledger.{name}.before")
            answer = await found(*arguments, **named)
            await step(f"ledger.{name}.after")
            return answer

        return whole


class LedgerWorld(World):
    """`judged` gets what the last tie-out of the run found, and what was wrong before it."""

    def __init__(self, seed: int, plan: FaultPlan, wire: FaultyWire, judged: list[str]) -> None:
        super().__init__(seed, plan, wire)
        self.books = MemoryBooks(lambda: [row.execution for row in self.database.executions.values()])
        self._judged = judged

    def make_session(self, parts: SessionParts) -> AccountSession:
        keeper = self._keeper(parts.gateway)
        return AccountSession(replace(parts, companions=[*parts.companions, keeper]))

    def _keeper(self, gateway: Any) -> LedgerKeeper:
        store = FailingLedger(self.books, self.database_step)
        return LedgerKeeper(gateway, store, INSTRUMENTS.get, clock=self.machine_clock, kept=timedelta(days=730))

    async def close(self) -> None:
        if self.process is not None and not self.process.is_dead:
            session = self.process.session
            found = await self._keeper(session.gateway).tie_out(session.journal)
            self._judged += [f"{each}" for each in found.breaks]
            self._judged += [] if found.is_quiet else ["the account would not stand still"]
            self._judged += self._differences()
        else:
            self._judged.append("the process is dead")
        await super().close()

    def _differences(self) -> list[str]:
        """Against the exchange's own memory, which no answer of it can bend."""
        coins = self.engine.account.coins
        ours = {asset: amount for (book, asset), amount in self.books.balances.items() if book == f"wallet:{asset}"}
        wrong = [
            f"{coin}: {ours.get(coin, Decimal(0))} is not {held.balance}"
            for coin, held in coins.items()
            if ours.get(coin, Decimal(0)) != held.balance
        ]
        return wrong + [
            f"{entries.source} sums to {unbalanced(entries)}" for entries in self.books.sets if unbalanced(entries)
        ]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_whatever_faults_the_books_are_the_exchanges_to_the_last_digit(seed: int) -> None:
    judged: list[str] = []
    posted: list[LedgerWorld] = []

    def make(number: int, plan: FaultPlan, wire: FaultyWire) -> World:
        posted.append(LedgerWorld(number, plan, wire, judged))
        return posted[0]

    run_seed(seed, make)
    assert judged == []
    told = [(state, each.kind) for state, each in posted[0].books.told]
    assert told == [], "what comes late is no break"
