"""The ledger of a real session on PostgreSQL, against the real simulated exchange over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest_asyncio
import structlog
from sqlalchemy import text

from contract.journal_worlds import BTC_RULES
from integration.trading.conftest import Desk
from tradewright.core.errors import NotFound
from tradewright.core.ids import WorkspaceId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.ports import ApiKey, Endpoints
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.account_book import AccountBook
from tradewright.trading.ledger import queries
from tradewright.trading.ledger.keeper import LedgerKeeper
from tradewright.trading.ledger.queries import Period
from tradewright.trading.ledger.store import PostgresLedger
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.store import PostgresJournal

KEY = ApiKey("ledger-key", "ledger-secret")
WAIT_S = 60.0


def rules(instrument: InstrumentId) -> Instrument | None:
    return BTC_RULES if instrument == BTC_RULES.id else None


class Office:
    """A desk, the simulated exchange, and the process between them, which can be killed and started anew."""

    def __init__(self, desk: Desk, simulator: RunningSimulator) -> None:
        self.desk = desk
        self.simulator = simulator
        self.task: asyncio.Task[None] | None = None
        self.store = PostgresLedger(desk.engine, desk.home.account)

    def start(self) -> None:
        clock, ids, log = SystemClock(), SystemIds(), structlog.get_logger()
        addresses = self.simulator.addresses

        def endpoints() -> Endpoints:
            return Endpoints(addresses.rest, addresses.ws_public, addresses.ws_private)

        account, engine = self.desk.home.account, self.desk.engine
        self.gateway = BybitOrderGateway(endpoints, KEY, clock=clock, log=log)
        self.journal = PostgresJournal(engine, account, clock=clock, ids=ids)
        self.keeper = LedgerKeeper(self.gateway, self.store, rules, clock=clock, kept=timedelta(days=730))
        parts = SessionParts(
            account=account,
            gateway=self.gateway,
            stream=BybitPrivateStream(
                endpoints, KEY, server_time=self.gateway.server_time, clock=clock, rng=SystemRng(), log=log
            ),
            journal=self.journal,
            instrument_of=rules,
            clock=clock,
            ids=ids,
            rng=SystemRng(),
            evidence=EvidenceRule(),
            book=AccountBook(),
            companions=[self.keeper],
        )
        self.task = asyncio.create_task(AccountSession(parts).run())

    async def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    async def until(self, statement: str, wanted: Any = True) -> None:
        """Until a query of one value gives what is wanted."""
        deadline = time.monotonic() + WAIT_S
        while True:
            async with self.desk.engine.connect() as connection:
                found = await connection.scalar(text(statement), {"account": self.desk.account_id})
            if found == wanted:
                return
            assert self.task is not None
            if self.task.done():
                self.task.result()
            assert time.monotonic() < deadline, f"{statement}: {found} after {WAIT_S} s, wanted {wanted}"
            await asyncio.sleep(0.05)

    async def trade(self, side: str, quantity: str) -> None:
        """A market order that fills."""
        await self.desk.place(
            side=side,
            order_type="Market",
            price=None,
            quantity=Decimal(quantity),
            time_in_force="IOC",
            slippage_percent=Decimal(1),
        )
        await self.until(
            "SELECT count(*) = 0 FROM intents i LEFT JOIN orders o ON o.intent_id = i.id WHERE i.account_id = :account"
            " AND i.kind = 'place' AND coalesce(o.state, '') <> 'filled'"
        )
        await self.until(
            "SELECT (SELECT coalesce(sum(quantity), 0) FROM executions WHERE account_id = :account)"
            " = (SELECT coalesce(sum(filled_quantity), 0) FROM orders WHERE account_id = :account)"
        )

    async def entries(self) -> int:
        return await self.desk.count("ledger_entries")


@pytest_asyncio.fixture
async def office(desk: Desk) -> AsyncIterator[Office]:
    simulator = await serve(SimulatorConfig(key=KEY.key, secret=KEY.secret, seed=7))
    made = Office(desk, simulator)
    made.start()
    await made.until("SELECT count(*) = 1 FROM ledger_books WHERE account_id = :account AND tied_at IS NOT NULL")
    yield made
    await made.kill()
    await simulator.close()


async def test_fills_are_posted_by_themselves_tie_out_and_are_asked_by_symbol_person_and_day(office: Office) -> None:
    for side, quantity in (("Buy", "0.03"), ("Sell", "0.01"), ("Sell", "0.02")):
        await office.trade(side, quantity)
    await office.until(
        "SELECT count(*) = 0 FROM executions e WHERE account_id = :account AND NOT EXISTS"
        " (SELECT 1 FROM ledger_entries l WHERE l.account_id = e.account_id AND l.exec_id = e.exec_id)"
    )
    found = await office.keeper.tie_out(office.journal)
    assert (found.is_quiet, found.breaks) == (True, [])

    desk = office.desk
    since = await office.gateway.server_time() - timedelta(hours=1)
    period = Period(since=since, until=since + timedelta(hours=2))
    (closed, *_), wallet = await office.gateway.closed_pnl(since), await office.gateway.wallet()
    by = {name: await desk.read(queries.results, period, name) for name in ("account", "symbol", "person", "day")}
    (row,) = by["account"]
    assert row["coin"] == "USDT"
    assert Decimal(row["net"]) == wallet.coins["USDT"].wallet_balance - 100_000
    assert Decimal(row["net"]) == Decimal(row["realised"]) - Decimal(row["fees"])
    assert closed.gross is not None
    (by_symbol,), (by_person,), (by_day,) = by["symbol"], by["person"], by["day"]
    assert (by_symbol["category"], by_symbol["symbol"], by_symbol["net"]) == ("linear", "BTCUSDT", row["net"])
    assert (by_person["person_id"], by_person["net"]) == (str(desk.home.user_id), row["net"])
    assert (by_day["day"], by_day["net"]) == (wallet.reported_at.date().isoformat(), row["net"])
    (worth,) = await desk.read(queries.worth_by_day, period)
    assert worth["total_usd"] is not None
    today = await desk.read(queries.realised_since, since)
    assert today == {"USDT": Decimal(row["net"])}

    pages, before = [], None
    while True:
        page, before = await desk.read(queries.entries, limit=2, before=before)
        pages += page
        if before is None:
            break
    assert [each["sequence"] for each in pages] == list(range(len(pages), 0, -1))
    assert pages[-1]["source"] == "opening:wallet"
    assert {each["person_id"] for each in pages[:-1] if each["execution_id"]} == {str(desk.home.user_id)}
    assert (await desk.read(queries.breaks))["breaks"] == []


async def test_a_process_killed_between_fills_leaves_books_that_the_next_one_goes_on_with(office: Office) -> None:
    await office.trade("Buy", "0.02")
    await office.kill()
    office.start()
    await office.until("SELECT count(*) > 1 FROM ledger_entries WHERE account_id = :account AND exec_id IS NOT NULL")
    await office.trade("Sell", "0.02")
    assert (await office.keeper.tie_out(office.journal)).breaks == []
    before = await office.entries()
    await office.kill()
    office.start()
    await office.until("SELECT tied_at = checked_at FROM ledger_books WHERE account_id = :account")
    assert (await office.keeper.tie_out(office.journal)).breaks == []
    assert await office.entries() == before
    assert await office.store.balances() == await office.store.summed()


async def test_a_break_is_told_to_the_account_and_shown_with_both_figures(office: Office) -> None:
    async with office.desk.engine.begin() as connection:  # as if a fill of our own had never happened
        await connection.execute(
            text("UPDATE ledger_balances SET amount = amount - 5 WHERE account_id = :account AND book = 'wallet:USDT'"),
            {"account": office.desk.account_id},
        )
    found = await office.keeper.tie_out(office.journal)
    assert sorted(each.kind for each in found.breaks) == ["unbalanced", "wallet"]
    shown = await office.desk.read(queries.breaks)
    wallet = next(each for each in shown["breaks"] if each["kind"] == "wallet")
    assert (wallet["subject"], wallet["ours"], wallet["theirs"]) == ("wallet:USDT", "99995", "100000")
    assert wallet["cleared_ms"] is None
    assert shown["tied_ms"] < shown["checked_ms"]
    events = "SELECT count(*) FROM account_events WHERE account_id = :account AND kind = 'ledger'"
    await office.until(events, 2)


async def test_no_query_finds_anything_in_another_workspace(office: Office) -> None:
    period = Period(since=await office.gateway.server_time() - timedelta(days=1), until=SystemClock().now())
    other, account = WorkspaceId(uuid4()), office.desk.account_id
    async with office.desk.engine.connect() as connection:
        for ask in (
            queries.results(connection, other, account, period, "symbol"),
            queries.entries(connection, other, account, limit=5),
            queries.breaks(connection, other, account),
        ):
            try:
                await ask  # type: ignore[misc]
            except NotFound:
                continue
            raise AssertionError("a foreign account was answered")
        assert await queries.worth_by_day(connection, other, account, period) == []
        assert await queries.realised_since(connection, other, account, period.since) == {}
