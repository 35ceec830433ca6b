"""What every `LedgerStore` promises, run on the in-memory twin and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.journal_worlds import BTC, Home, make_home
from sim.facts import after, fill, order_report, wallet
from sim.memory_ledger import MemoryBooks, MemoryLedger
from tradewright.core.holding import Holding
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.ledger import Coins, EntrySet, Line
from tradewright.core.money import ZERO
from tradewright.core.order import Execution
from tradewright.core.tie_out import Break
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.ledger.books import LATE, BooksMoved, LedgerStore, Posting, Standing
from tradewright.trading.ledger.posting import Moment, bridge_gap, open_books, post_executions, settle_transactions
from tradewright.trading.ledger.replaying import replay_breaks
from tradewright.trading.ledger.store import PostgresLedger
from tradewright.trading.store import PostgresJournal

OPENED = after(0)
SPOT = InstrumentId("spot", "BTCUSDT")


def coins_of(_instrument: InstrumentId) -> Coins | None:
    return Coins("BTC", "USDT")


class LedgerWorld(Protocol):
    store: LedgerStore

    async def book(self, *executions: Execution) -> None:
        """As the journal does."""
        ...

    async def told(self) -> list[tuple[str, str]]:
        """(broken or tied, kind) of every break that listeners heard of."""
        ...

    async def open_breaks(self) -> list[tuple[str, str, str, str]]: ...
    async def close(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self._executions: dict[str, Execution] = {}
        self._rows = MemoryBooks(lambda: self._executions.values())
        self.store: LedgerStore = MemoryLedger(self._rows)

    async def book(self, *executions: Execution) -> None:
        for execution in executions:
            self._executions.setdefault(execution.exec_id, execution)

    async def told(self) -> list[tuple[str, str]]:
        return [(state, each.kind) for state, each in self._rows.told]

    async def open_breaks(self) -> list[tuple[str, str, str, str]]:
        return sorted((each.kind, each.subject, each.ours, each.theirs) for each in self._rows.breaks.values())

    async def close(self) -> None:
        return None


class PostgresWorld:
    def __init__(self, engine: AsyncEngine, home: Home) -> None:
        self.engine = engine
        self.home = home
        self.store: LedgerStore = PostgresLedger(engine, home.account)
        self._journal = PostgresJournal(engine, home.account, clock=SystemClock(), ids=SystemIds())

    async def book(self, *executions: Execution) -> None:
        await self._journal.book(executions, "stream")

    async def rows(self, statement: str) -> Sequence[Any]:
        async with self.engine.connect() as connection:
            return (await connection.execute(text(statement), {"account": self.home.account.id})).all()

    async def told(self) -> list[tuple[str, str]]:
        found = await self.rows(
            "SELECT payload->>'state', payload->'difference'->>'kind' FROM account_events"
            " WHERE account_id = :account AND kind = 'ledger' ORDER BY seq"
        )
        return [(row[0], row[1]) for row in found]

    async def open_breaks(self) -> list[tuple[str, str, str, str]]:
        found = await self.rows(
            "SELECT kind, subject, ours, theirs FROM ledger_breaks WHERE account_id = :account AND cleared_at IS NULL"
        )
        return sorted((row[0], row[1], row[2], row[3]) for row in found)

    async def close(self) -> None:
        await self.engine.dispose()


@pytest.fixture(scope="module")
def shared_url(postgres: Any) -> Iterator[str]:
    url: str = postgres.make_database()
    yield url
    postgres.drop_database(url)


async def postgres_world(url: str) -> PostgresWorld:
    engine = create_engine(url, pool_size=4)
    return PostgresWorld(engine, await make_home(engine, SystemIds(), SystemClock(), uid=str(SystemIds().new())))


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[LedgerWorld]:
    opened: LedgerWorld
    if request.param == "memory":
        opened = MemoryWorld()
    else:
        opened = await postgres_world(request.getfixturevalue("shared_url"))
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[PostgresWorld]:
    opened = await postgres_world(request.getfixturevalue("shared_url"))
    yield opened
    await opened.close()


def transaction(exec_id: str | None = "e1", *, change: str = "-0.03", at: float = 1, **changes: Any) -> Transaction:
    fields: dict[str, Any] = {
        "exchange_id": f"t-{exec_id}-{at}",
        "kind": "TRADE",
        "coin": "USDT",
        "at": after(at),
        "funding": Decimal(0),
        "fee": Decimal("0.03"),
        "cash_flow": Decimal(0),
        "change": Decimal(change),
        "balance": Decimal("99999.97"),
        "instrument": BTC,
        "category": "linear",
        "exec_id": None if exec_id is None else ExecutionId(exec_id),
    }
    return Transaction(**(fields | changes))


def closed_pnl(order: str = "x-1", profit: str = "1", *, at: float = 1) -> ClosedPnl:
    return ClosedPnl(
        instrument=BTC,
        exchange_order_id=ExchangeOrderId(order),
        side="Sell",
        closed_quantity=Decimal("0.5"),
        profit=Decimal(profit),
        open_fee=Decimal("0.03"),
        close_fee=None,
        created_at=after(0.5),
        updated_at=after(at),
    )


def a_set(source: str, amount: str, *, against: str | None = None, at: datetime = OPENED) -> EntrySet:
    lines = (
        Line("transfer", "wallet:USDT", "USDT", Decimal(amount)),
        Line("transfer", "equity:transfers", "USDT", -Decimal(against or amount)),
    )
    return EntrySet(source=source, at=at, lines=lines)


async def opened(world: LedgerWorld) -> None:
    await open_books(world.store, Moment(wallet=replace(wallet(), reported_at=OPENED), positions=[]), coins_of)


async def version(world: LedgerWorld) -> int:
    books = await world.store.books()
    return 0 if books is None else books.version


async def test_books_open_with_what_is_there_and_not_twice(world: LedgerWorld) -> None:
    assert await world.store.books() is None
    await opened(world)
    books = await world.store.books()
    assert books is not None
    assert (books.version, books.opened_at, books.transactions_until) == (1, OPENED, OPENED)
    assert await world.store.balances() == {
        ("wallet:USDT", "USDT"): Decimal(100000),
        ("equity:opening", "USDT"): Decimal(-100000),
    }
    with pytest.raises(BooksMoved):
        await opened(world)


async def test_a_writer_that_has_not_seen_the_newest_posting_writes_nothing(world: LedgerWorld) -> None:
    await opened(world)
    seen = await version(world)
    await world.store.post(Posting(sets=[a_set("tx:1", "5")]), seen)
    with pytest.raises(BooksMoved):
        await world.store.post(Posting(sets=[a_set("tx:2", "7")]), seen)
    assert (await world.store.balances())["wallet:USDT", "USDT"] == 100005


async def test_a_source_is_booked_once_and_a_set_whole_or_not_at_all(world: LedgerWorld) -> None:
    await opened(world)
    await world.store.post(Posting(sets=[a_set("tx:1", "5")]), await version(world))
    before = await world.store.balances()
    with pytest.raises((IntegrityError, AssertionError)):
        await world.store.post(Posting(sets=[a_set("tx:2", "7"), a_set("tx:1", "5")]), await version(world))
    with pytest.raises((IntegrityError, AssertionError)):
        await world.store.post(Posting(sets=[a_set("tx:3", "5", against="4.99999999")]), await version(world))
    assert await world.store.balances() == before == await world.store.summed()


async def test_executions_are_posted_once_in_the_exchanges_order_and_late_ones_too(world: LedgerWorld) -> None:
    await opened(world)
    buy = fill("e1", "1", price=Decimal(100), executed_at=after(1))
    sell = fill("e3", "1", side="Sell", price=Decimal(120), executed_at=after(3), order_id="x-3")
    await world.book(sell, buy, fill("e0", executed_at=OPENED), fill("before", executed_at=after(-60)))
    assert [each.execution.exec_id for each in await world.store.unposted()] == ["e1", "e3"]
    assert await post_executions(world.store, coins_of) == []
    assert await world.store.unposted() == []
    assert (await world.store.balances())["income:realised", "USDT"] == -20
    await world.book(fill("e2", "1", price=Decimal(110), executed_at=after(2)))  # heard of late: sold at 105 on average
    await post_executions(world.store, coins_of)
    assert (await world.store.balances())["income:realised", "USDT"] == -15
    assert [each.exec_id for each in await world.store.posted((BTC, 0))] in (["e1", "e2", "e3"], ["e1", "e3", "e2"])
    standing = (await world.store.standings())[BTC, 0]
    assert (standing.now.size, standing.now.cost) == (1, 105)
    assert standing.last == (sell.sequence, sell.executed_at, "e3")
    changes = await world.store.wallet_changes([ExecutionId("e1"), ExecutionId("e3"), ExecutionId("other")])
    assert changes["e3"]["USDT"] == Decimal("14.97")  # type: ignore[index]
    assert "other" not in changes
    assert await replay_breaks(world.store, coins_of) == []
    assert await post_executions(world.store, coins_of) == []


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
async def test_a_clock_that_is_put_back_between_two_fills_does_not_change_their_order(
    world: LedgerWorld, at_once: bool
) -> None:
    await opened(world)
    buy = fill("first", "1", price=Decimal(100), executed_at=after(9), sequence=11)
    more = fill("second", "1", price=Decimal(200), executed_at=after(4), sequence=12)
    sell = fill("third", "1", side="Sell", price=Decimal(180), executed_at=after(5), sequence=13, order_id="x-3")
    if at_once:
        await world.book(sell, more, buy)
        await post_executions(world.store, coins_of)
    else:
        for one in (buy, more, sell):
            await world.book(one)
            await post_executions(world.store, coins_of)
    assert (await world.store.balances())["income:realised", "USDT"] == -30, "it was held at 150 on average"
    standing = (await world.store.standings())[BTC, 0]
    assert (standing.now.size, standing.now.cost, standing.last) == (1, 150, (13, sell.executed_at, "third"))
    assert await replay_breaks(world.store, coins_of) == []
    ids = [buy.exec_id, more.exec_id, sell.exec_id]
    assert set(await world.store.wallet_changes(ids)) == set(ids)


async def test_what_was_heard_of_after_the_opening_with_a_time_before_it_is_told_until_the_books_go_on(
    world: LedgerWorld,
) -> None:
    await world.book(fill("known", executed_at=after(-3)))
    assert await world.store.dated_before() == []
    await opened(world)
    await world.book(fill("after", executed_at=after(1)))
    assert await world.store.dated_before() == []
    await world.book(fill("late", executed_at=after(-1)), fill("later", executed_at=OPENED))
    assert await world.store.dated_before() == ["late", "later"]
    books = await world.store.books()
    assert books is not None
    shown = Moment(wallet=replace(wallet(Decimal(99999)), reported_at=after(5)), positions=[])
    await bridge_gap(world.store, books, shown, coins_of)
    assert await world.store.dated_before() == []
    assert (await world.store.balances())["wallet:USDT", "USDT"] == 99999


async def test_of_many_executions_dated_before_the_books_the_twenty_oldest_are_named(kept: PostgresWorld) -> None:
    """They are named to a person, in one line: it has a bound."""
    await opened(kept)
    await kept.book(*(fill(f"late-{number:02}", executed_at=after(number - 40)) for number in range(25)))
    assert await kept.store.dated_before() == [f"late-{number:02}" for number in range(20)]


async def test_the_newest_execution_is_that_of_the_latest_time_whenever_it_was_heard_of(world: LedgerWorld) -> None:
    assert await world.store.newest_execution_at() is None
    await world.book(fill("e2", executed_at=after(2)), fill("e1", executed_at=after(1)))
    assert await world.store.newest_execution_at() == after(2)


async def test_profit_of_an_order_is_told_only_when_all_of_it_is_in_the_books(world: LedgerWorld) -> None:
    await opened(world)
    await world.book(
        fill("a", "1", price=Decimal(100), executed_at=after(1), order_id="open"),
        fill("b", "0.4", side="Sell", price=Decimal(110), executed_at=after(2), order_id="close"),
        fill("c", "0.6", side="Sell", price=Decimal(120), executed_at=after(3), order_id="close"),
        fill("d", "1", executed_at=after(-5), order_id="old"),
    )
    orders = [ExchangeOrderId(name) for name in ("open", "close", "old", "none")]
    assert await world.store.gross(orders) == {}
    await post_executions(world.store, coins_of)
    assert await world.store.gross(orders) == {"open": (0, 1), "close": (16, 1)}


async def test_what_the_exchange_told_is_kept_once_and_stays_until_it_is_settled(world: LedgerWorld) -> None:
    await opened(world)
    rows = [transaction("e1"), transaction(None, change="500", at=2, kind="TRANSFER_IN", instrument=None)]
    for _ in range(2):
        await world.store.keep(rows, [closed_pnl()], after(5))
    assert await world.store.unsettled() == rows
    await world.store.keep([], [closed_pnl(profit="2", at=2)], after(3))
    await world.store.keep([], [closed_pnl(profit="9", at=1)], after(3))
    assert await world.store.closed_since(after(0)) == [closed_pnl(profit="2", at=2)]
    assert await world.store.closed_since(after(3)) == []
    books = await world.store.books()
    assert books is not None
    assert books.transactions_until == after(5)
    await world.store.post(Posting(settled={rows[1].key: None}), books.version)
    assert await world.store.unsettled() == rows[:1]


async def test_transactions_are_held_against_entries_and_what_is_no_execution_is_booked(world: LedgerWorld) -> None:
    await opened(world)
    await world.book(fill("e1", executed_at=after(1)), fill("e2", executed_at=after(2)))
    rows = [
        transaction("old", at=-1),
        transaction("e1"),
        transaction("e2", change="-0.03000001", at=2),
        transaction("e9", at=3),
        transaction(None, change="500", at=4, kind="TRANSFER_IN", instrument=None),
        transaction(None, change="-0.5", at=5, kind="INTEREST", instrument=None),
        transaction("foreign", change="-7", at=6, category="inverse", instrument=None),
    ]
    await world.store.keep(rows, [], after(10))
    await post_executions(world.store, coins_of)
    breaks = await settle_transactions(world.store, after(10), after(-50))
    assert [(each.kind, each.subject) for each in breaks] == [("execution_missing", "e9")]
    assert [row.exec_id for row in await world.store.unsettled()] == ["e9"]
    balances = await world.store.balances()
    assert balances["wallet:USDT", "USDT"] == Decimal("100492.43999999")
    assert balances["income:rounding", "USDT"] == Decimal("0.00000001")
    assert balances["equity:transfers", "USDT"] == -500
    assert balances["expense:interest", "USDT"] == Decimal("0.5")
    assert balances["income:other", "USDT"] == 7
    assert await settle_transactions(world.store, after(10), after(-50)) == breaks
    assert await world.store.balances() == balances
    assert await replay_breaks(world.store, coins_of) == []


async def test_what_a_late_execution_corrects_is_held_against_its_transaction_again(world: LedgerWorld) -> None:
    """It was within what rounding explains, and still is, and by another amount."""
    await opened(world)
    one, two = Decimal("100.00000001"), Decimal("100.00000003")
    await world.book(
        fill("e1", "1", price=one, executed_at=after(1), fee=ZERO),
        fill("e3", "1", side="Sell", price=Decimal(100), executed_at=after(3), fee=ZERO),
    )
    rows = [transaction("e3", change="-0.00000002", at=3), transaction("e2", change="0", at=2)]
    await world.store.keep(rows, [], after(10))
    for _ in range(2):
        await post_executions(world.store, coins_of)
        await settle_transactions(world.store, after(10), after(-50))
        assert (await world.store.balances())["wallet:USDT", "USDT"] == Decimal("99999.99999998")
        await world.book(fill("e2", "1", price=two, executed_at=after(2), fee=ZERO))  # heard of after they were settled
    await post_executions(world.store, coins_of)
    await settle_transactions(world.store, after(10), after(-50))
    assert (await world.store.balances())["wallet:USDT", "USDT"] == Decimal("99999.99999998")
    assert await world.store.unsettled() == []
    assert await replay_breaks(world.store, coins_of) == []


async def test_a_coin_that_an_execution_should_not_have_moved_is_a_break(world: LedgerWorld) -> None:
    await opened(world)
    await world.book(fill("e1", executed_at=after(1)), fill("e2", executed_at=after(2), exec_type="Funding", fee=ZERO))
    rows = [transaction("e1"), transaction("e1", change="-0.1", coin="MNT"), transaction("e2", change="0", at=2)]
    await world.store.keep(rows, [], after(10))
    await post_executions(world.store, coins_of)
    breaks = await settle_transactions(world.store, after(10), after(-50))
    assert breaks == [Break("movement", "e1:MNT", "0", "-0.1")]
    assert [row.coin for row in await world.store.unsettled()] == ["MNT"]


async def test_funding_that_the_log_tells_under_another_id_is_the_same_funding(world: LedgerWorld) -> None:
    await opened(world)
    await world.book(fill("paid", executed_at=after(1), exec_type="Funding", fee=Decimal("0.25")))
    told = transaction("another", change="-0.25", at=1.2, kind="SETTLEMENT", funding=Decimal("-0.25"), fee=Decimal(0))
    await world.store.keep([told], [], after(10))
    await post_executions(world.store, coins_of)
    assert await settle_transactions(world.store, after(90), after(30)) == []
    assert (await world.store.balances())["income:funding", "USDT"] == Decimal("0.25")
    assert await world.store.unsettled() == []
    assert await world.store.untold(after(90)) == []


async def test_an_execution_without_a_transaction_is_named_until_there_is_one(world: LedgerWorld) -> None:
    await opened(world)
    await world.book(fill("e1", executed_at=after(1)), fill("e2", executed_at=after(2)))
    await world.store.keep([transaction("e1")], [], after(5))
    until = after(5) + LATE
    assert [each.exec_id for each in await world.store.untold(until)] == ["e2"]
    books = await world.store.books()
    assert books is not None
    assert after(1) <= books.confirmed_until < after(2)
    await world.store.keep([transaction("e2", at=2)], [], after(6))
    assert await world.store.untold(until) == []
    books = await world.store.books()
    assert books is not None
    assert books.confirmed_until == after(5)


async def test_a_break_is_told_once_and_once_more_when_it_ties_again(world: LedgerWorld) -> None:
    await opened(world)
    found = Break("wallet", "wallet:USDT", "1", "2")
    gap = Break("gap", "transactions", "a", "b")
    for breaks in ([found], [replace(found, theirs="3")], [], [found]):
        await world.store.note_check(breaks, wallet(), once=[gap] if breaks == [found] else [])
    assert await world.told() == [
        ("broken", "wallet"), ("broken", "gap"), ("tied", "wallet"), ("broken", "wallet"), ("broken", "gap"),
    ]  # fmt: skip
    assert await world.open_breaks() == [("wallet", "wallet:USDT", "1", "2")]


async def test_standings_come_back_as_they_were_written(world: LedgerWorld) -> None:
    await opened(world)
    now = Holding(is_long=False, base_size=Decimal("1.5"), base_cost=Decimal("100.00000001"), closed=Decimal("0.25"))
    standing = Standing(now=now, opening=Holding(base_size=Decimal(2), base_cost=Decimal(7)), last=(5, after(1), "e"))
    await world.store.post(Posting(standings={(BTC, 2): standing, (SPOT, 0): Standing()}), await version(world))
    assert await world.store.standings() == {(BTC, 2): standing, (SPOT, 0): Standing()}


async def test_the_database_itself_refuses_half_a_set_and_every_change_of_a_line(kept: PostgresWorld) -> None:
    await opened(kept)
    columns = "account_id, sequence, line, workspace_id, source, kind, book, asset, amount, at, recorded_at"
    for statement, code in (
        (f"INSERT INTO ledger_entries ({columns}) SELECT account_id, 99, 1, workspace_id, 'x', kind, book, asset, 1,"
         " at, recorded_at FROM ledger_entries WHERE account_id = :account LIMIT 1", "23514"),
        ("UPDATE ledger_entries SET amount = amount + 1 WHERE account_id = :account", "23001"),
        ("DELETE FROM ledger_entries WHERE account_id = :account", "23001"),
    ):  # fmt: skip
        with pytest.raises(IntegrityError) as refused:
            async with kept.engine.begin() as connection:
                await connection.execute(text(statement), {"account": kept.home.account.id})
        assert getattr(refused.value.orig, "sqlstate", None) == code
    assert await kept.store.balances() == await kept.store.summed()


async def test_a_fill_in_hedge_mode_waits_until_its_order_says_which_leg_it_moved(kept: PostgresWorld) -> None:
    await opened(kept)
    async with kept.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO symbol_modes (account_id, category, symbol, workspace_id, hedge)"
                " VALUES (:account, 'linear', 'BTCUSDT', :workspace, true)"
            ),
            {"account": kept.home.account.id, "workspace": kept.home.workspace_id},
        )
    paid = fill("paid", executed_at=after(2), exec_type="Funding", order_id="")
    await kept.book(fill("e1", side="Sell", executed_at=after(1), order_id="x-9"), paid)
    await post_executions(kept.store, coins_of)
    assert set(await kept.store.standings()) == {(BTC, 0)}, "funding has no leg"
    report = order_report("filled", order_id="x-9", side="Sell", position_index=2)
    await PostgresJournal(kept.engine, kept.home.account, clock=SystemClock(), ids=SystemIds()).book(
        [report], "reconciliation"
    )
    await post_executions(kept.store, coins_of)
    assert (await kept.store.standings())[BTC, 2].now.size == Decimal("-0.5")
    assert await replay_breaks(kept.store, coins_of) == []


async def test_two_owners_at_once_post_each_execution_once(kept: PostgresWorld) -> None:
    await opened(kept)
    await kept.book(*(fill(f"e{n:02}", executed_at=after(1) + timedelta(seconds=n), sequence=n) for n in range(40)))
    other = PostgresLedger(kept.engine, kept.home.account)
    done = await asyncio.gather(
        *(post_executions(store, coins_of) for store in (kept.store, other, kept.store, other)), return_exceptions=True
    )
    assert all(isinstance(each, BooksMoved | IntegrityError) or each == [] for each in done)
    assert await kept.store.unposted() == []
    assert (await kept.store.balances())["expense:fees", "USDT"] == Decimal("1.2")
    assert await kept.store.balances() == await kept.store.summed()
