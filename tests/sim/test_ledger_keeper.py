"""When the ledger looks: at once when everything was read, after a lost connection, every quarter of an hour, and soon
again where something went wrong; in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sim.facts import wallet
from sim.virtual_time import in_virtual_time
from sim.whole.setting import ACCOUNT
from support.ledger_desk import LedgerDesk
from support.ledger_exchange import Row
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.trading.account_book import AccountBook
from tradewright.trading.ledger.keeper import LedgerKeeper
from tradewright.trading.model import SessionState
from tradewright.trading.ownership import Dispossessed

LOG = "/v5/account/transaction-log"


class Office:
    """A session as its companion sees it, an exchange where nothing happens, and a keeper on both."""

    def __init__(self) -> None:
        self.desk = LedgerDesk(1)
        self.account = ACCOUNT
        self.state: SessionState = "connecting"
        self.book = AccountBook()
        self.journal: Any = self
        self.gateway: Any = None
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.keeper = LedgerKeeper(
            self.desk.exchange, self.desk.store, _no_rules, clock=self.clock, kept=timedelta(days=730)
        )

    def wake(self) -> None: ...
    def want_reconcile(self) -> None: ...

    def become(self, state: SessionState) -> None:
        self.state = state
        self.book.take([wallet()])

    @property
    def ties(self) -> int:
        return sum(path == LOG for path, _ in self.desk.exchange.asked)


def _no_rules(_instrument: InstrumentId) -> Instrument | None:
    return None


@in_virtual_time
async def test_it_looks_once_ready_again_after_a_lost_connection_and_every_quarter_of_an_hour() -> None:
    office = Office()
    task = asyncio.create_task(office.keeper.run(office))  # type: ignore[arg-type]
    await asyncio.sleep(60)
    assert office.ties == 0, "nothing was read yet"
    office.become("ready")
    await asyncio.sleep(20)
    assert office.ties == 1
    await asyncio.sleep(800)
    assert office.ties == 1
    await asyncio.sleep(120)
    assert office.ties == 2
    office.become("degraded")
    await asyncio.sleep(20)
    office.become("ready")
    await asyncio.sleep(20)
    assert office.ties == 3
    for _ in range(100):  # a busy account is not tied out more often
        office.book.take([wallet()])
        await asyncio.sleep(1)
    assert office.ties == 3
    task.cancel()


@in_virtual_time
async def test_a_break_is_looked_at_again_each_minute_and_an_exchange_that_is_away_ends_nothing() -> None:
    office = Office()
    office.become("ready")
    task = asyncio.create_task(office.keeper.run(office))  # type: ignore[arg-type]
    await asyncio.sleep(20)

    def spoil(path: str, rows: list[Row]) -> list[Row]:
        for coin in (coin for row in rows if path.endswith("wallet-balance") for coin in row["coin"]):
            coin["walletBalance"] = str(Decimal(coin["walletBalance"]) + 1)
        return rows

    office.desk.exchange.spoil = spoil
    await asyncio.sleep(930)
    assert {kind for kind, _ in office.desk.books.breaks} == {"wallet"}
    office.desk.exchange.down = True
    await asyncio.sleep(200)
    assert not task.done()
    office.desk.exchange.down = False
    office.desk.exchange.spoil = lambda _path, rows: rows
    await asyncio.sleep(90)
    assert office.desk.books.breaks == {}
    told = [state for state, _ in office.desk.books.told]
    assert told == ["broken"] * (len(told) // 2) + ["tied"] * (len(told) // 2)
    task.cancel()


@in_virtual_time
async def test_a_mistake_of_the_books_ends_no_session_and_another_owner_does() -> None:
    office = Office()
    office.become("ready")
    wrong: list[Exception] = [ZeroDivisionError("a mistake"), Dispossessed("another owner")]

    async def fails() -> Any:
        raise wrong[0]

    office.desk.store.books = fails  # type: ignore[method-assign]
    task = asyncio.create_task(office.keeper.run(office))  # type: ignore[arg-type]
    await asyncio.sleep(100)
    assert not task.done()
    wrong.pop(0)
    await asyncio.sleep(100)
    assert task.done()
    with pytest.raises(Dispossessed):
        task.result()
