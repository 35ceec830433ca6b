"""What every `RiskStore` promises, run on the in-memory twin and on PostgreSQL alike; and a real owner's successor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from contract.journal_worlds import JournalWorld, MemoryWorld, PostgresWorld
from sim.facts import BTC, after, fill, order_report, position, wallet
from tradewright.core.clock import Clock
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, RequestId, link_id_of
from tradewright.core.risk import LIMIT_NAMES, Limits, tightest
from tradewright.lab.memory_risk import KeptRisk, MemoryRiskStore, view_of
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.account_book import AccountBook
from tradewright.trading.journal import AnsweredAcknowledged, AnsweredRefused, AnsweredUnknown, Journal
from tradewright.trading.kept_journal import KeptJournal
from tradewright.trading.model import Intent, Reason
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.positions import DayStart
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.risk.store import PostgresRiskStore, RiskStore, set_limits

TRACE = Trace(signed_at=after(1), answered_at=after(1), http_status=200, ret_code=0, ret_msg="OK", trace_id="t")
PRICE = Decimal(60000)


@pytest.fixture(scope="module")
def shared_url(postgres: Any) -> Iterator[str]:
    url: str = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[JournalWorld, RiskStore]]:
    if request.param == "memory":
        memory = MemoryWorld()
        yield memory, MemoryRiskStore(memory._db, KeptRisk(), clock=memory._clock)
        return
    engine = create_engine(request.getfixturevalue("shared_url"), pool_size=4)
    world = await PostgresWorld.open(engine, request.getfixturevalue("shared_url"))
    yield world, PostgresRiskStore(engine, world._home.account)
    await world.close()
    await engine.dispose()


async def the_proposed(journal: Journal, intent_id: Any) -> Intent:
    return next(intent for intent in await journal.proposed() if intent.id == intent_id)


async def sent(world: JournalWorld, answer: Any = None, **changes: Any) -> Intent:
    intent = await the_proposed(world.journal, await world.place(**changes))
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    if answer is not None:
        await world.journal.answer(intent, request, answer)
    return intent


async def test_what_may_have_an_order_that_nobody_reported_is_held(both: tuple[JournalWorld, RiskStore]) -> None:
    world, store = both
    sending = await sent(world)
    unknown = await sent(world, AnsweredUnknown(Reason("exchange.unknown"), TRACE))
    acknowledged = await sent(world, AnsweredAcknowledged(ExchangeOrderId("x-3"), TRACE))
    refused = await sent(world, AnsweredRefused(Reason("exchange.refused"), TRACE))
    reported = await sent(world, AnsweredAcknowledged(ExchangeOrderId("x-5"), TRACE))
    await world.journal.book([order_report(link_id=link_id_of(reported.id), order_id="x-5")], "stream")
    await world.place()  # proposed only
    held = await store.holdings()
    assert {intent.id for intent in held.intents} == {sending.id, unknown.id, acknowledged.id}
    assert [order.exchange_order_id for order in held.orders] == ["x-5"]
    assert held.sent_ages_s.keys() == {sending.id, unknown.id, acknowledged.id, refused.id, reported.id}
    assert all(0 <= age_s < 30 for age_s in held.sent_ages_s.values())


async def test_positions_come_with_the_fills_that_they_do_not_include(both: tuple[JournalWorld, RiskStore]) -> None:
    world, store = both
    facts = [
        order_report("partially_filled", filled="0.3", quantity=Decimal(1)),
        fill("e-1", "0.2", sequence=7),
        fill("e-2", "0.1", sequence=8),
        position("0.2", sequence=7, leverage=Decimal(10), realised_pnl=Decimal("-1.5")),
        wallet("5000"),
    ]
    await world.journal.book(facts, "stream")
    held = await store.holdings()
    assert [one.exec_id for one in held.fills] == ["e-2"]
    assert [(one.size, one.sequence, one.realised_pnl) for one in held.positions] == [
        (Decimal("0.2"), 7, Decimal("-1.5"))
    ]
    assert held.wallet is not None
    assert held.wallet.is_whole, "the rows name every coin that is held"
    assert (held.wallet.total_equity, held.wallet.coins["USDT"].wallet_balance) == (Decimal(5000), Decimal(5000))
    exposure = Exposure()
    exposure.load(held, 0.0)
    # Of one coin 0.2 is in the position: 0.8 may still come, 0.1 of it filled and not told with the position yet.
    assert exposure.open_quantity(BTC, "Buy") == Decimal("0.8")
    exposure.take([position("0.3", sequence=8)])
    assert exposure.open_quantity(BTC, "Buy") == Decimal("0.7")


async def test_an_order_that_ended_holds_nothing(both: tuple[JournalWorld, RiskStore]) -> None:
    world, store = both
    await world.journal.book([order_report("working"), order_report("cancelled", at=2)], "stream")
    assert (await store.holdings()).orders == []


async def test_the_first_that_wrote_how_a_day_began_stays_and_new_symbols_are_added(
    both: tuple[JournalWorld, RiskStore],
) -> None:
    _world, store = both
    day = date(2026, 1, 5)
    other = replace(BTC, symbol="ETHUSDT")
    assert await store.day(day) is None
    assert await store.open_day(DayStart(day, Decimal(100), {BTC: Decimal(3)})) == DayStart(
        day, Decimal(100), {BTC: Decimal(3)}
    )
    found = await store.open_day(DayStart(day, Decimal(999), {BTC: Decimal(4), other: Decimal("-0.5")}))
    assert found == DayStart(day, Decimal(100), {BTC: Decimal(3), other: Decimal("-0.5")})
    assert await store.day(day) == found


@pytest_asyncio.fixture
async def postgres_world(shared_url: str) -> AsyncIterator[tuple[PostgresWorld, PostgresRiskStore]]:
    engine = create_engine(shared_url, pool_size=4)
    world = await PostgresWorld.open(engine, shared_url)
    yield world, PostgresRiskStore(engine, world._home.account)
    await world.close()
    await engine.dispose()


async def set_level(world: PostgresWorld, level: Any, **values: Any) -> None:
    async with world._engine.begin() as connection:
        await set_limits(
            connection,
            level=level,
            workspace_id=world._home.workspace_id,
            account_id=world.account_id,
            values=values,
            removed=[name for name in LIMIT_NAMES if name not in values],
            user_id=world._home.user_id,
            ip="127.0.0.1",
            clock=SystemClock(),
            ids=SystemIds(),
        )


async def test_limits_of_each_level_are_stored_with_an_audit_row_and_the_tightest_is_told(
    postgres_world: tuple[PostgresWorld, PostgresRiskStore],
) -> None:
    world, store = postgres_world
    await set_level(world, "account", order_notional=Decimal("5000.5"), symbols=frozenset({"BTCUSDT", "ETHUSDT"}))
    await set_level(world, "workspace", order_notional=Decimal(7000), open_orders=Decimal(3))
    found = tightest(await store.levels())
    assert (found.limits.order_notional, found.level("order_notional")) == (Decimal("5000.5"), "account")
    assert (found.limits.open_orders, found.level("open_orders")) == (Decimal(3), "workspace")
    assert found.limits.symbols == frozenset({"BTCUSDT", "ETHUSDT"})
    assert found.level("leverage") == "installation"
    await set_level(world, "account")
    assert tightest(await store.levels()).limits.symbols is None
    rows = await world._rows(
        "SELECT object_kind, before, after FROM audit_entries WHERE action = 'limits.set'"
        " AND workspace_id = :workspace ORDER BY at",
        workspace=world._home.workspace_id,
    )
    assert [row[0] for row in rows] == ["account", "workspace", "account"]
    assert rows[0][2]["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert rows[2][1] == rows[0][2]


class _Prices:
    def of(self, _instrument: Any) -> Any:
        return view_of(PRICE)

    def want(self, _instrument: Any, _arrived: Any) -> None:
        raise AssertionError("there are prices")


async def owner(
    world: PostgresWorld, store: PostgresRiskStore, clock: Clock, limits: Limits
) -> tuple[KeptJournal, RiskRule]:
    """An owner's journal and rule as a session has them, after its takeover. It is killed by being forgotten: what it
    had in memory is nowhere else."""
    exposure = Exposure()
    journal = KeptJournal(world.journal, AccountBook(), exposure, clock, store.holdings)
    await journal.take_over()
    rule = RiskRule(exposure, _Prices(), clock=clock)
    rule.limits = tightest([("installation", limits)])
    exposure.held.day = DayStart(clock.now().date(), Decimal(100_000), {})
    return journal, rule


async def lets_go(journal: KeptJournal, rule: RiskRule, intent: Intent, answer: Any = None) -> Reason | None:
    """As the session does it: judged, its request committed, answered; a refusal is written down."""
    found = rule.judge(intent)
    if isinstance(found, Reason):
        await journal.refuse(intent, found)
        return found
    assert found is None
    request = await journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    if answer is not None:
        await journal.answer(intent, request, answer)
    return None


UNKNOWN = AnsweredUnknown(Reason("exchange.unknown"), TRACE)
TAKEN = AnsweredAcknowledged(None, TRACE)


@pytest.mark.parametrize(
    ("limits", "answer", "code"),
    [
        ({"order_notional": Decimal(30_000)}, TAKEN, "risk.order_notional"),
        ({"position_notional": Decimal(30_000)}, TAKEN, "risk.position_notional"),
        ({"position_notional": Decimal(30_000)}, UNKNOWN, "risk.position_notional"),
        ({"position_notional": Decimal(30_000)}, None, "risk.position_notional"),  # killed before any answer
        ({"total_notional": Decimal(30_000)}, UNKNOWN, "risk.total_notional"),
        ({"open_orders": Decimal(1)}, TAKEN, "risk.open_orders"),
        (
            {"orders_per_minute": Decimal(1)},
            AnsweredRefused(Reason("exchange.refused"), TRACE),
            "risk.orders_per_minute",
        ),
    ],
)
async def test_the_next_owner_on_the_same_database_refuses_what_the_killed_one_would_have(
    postgres_world: tuple[PostgresWorld, PostgresRiskStore], limits: dict[str, Any], answer: Any, code: str
) -> None:
    world, store = postgres_world
    clock = SystemClock()
    journal, rule = await owner(world, store, clock, Limits(**limits))
    at_the_edge = await the_proposed(journal, await world.place(quantity=Decimal("0.5"), price=Decimal(50_000)))
    assert await lets_go(journal, rule, at_the_edge, answer) is None
    over = {"quantity": Decimal("0.501") if code == "risk.order_notional" else Decimal("0.001"), "price": PRICE}
    if answer is not None:
        refused = await lets_go(journal, rule, await the_proposed(journal, await world.place(**over)))
        assert refused is not None
        assert refused.code == code
    journal, rule = await owner(world, store, clock, Limits(**limits))
    asked = await the_proposed(journal, await world.place(**over))
    refused = await lets_go(journal, rule, asked)
    assert refused is not None
    assert (refused.code, await world.reason(asked.id), await world.requests(asked.id)) == (code, code, [])
    rows = await world._rows("SELECT verdict FROM intents WHERE id = :id", id=at_the_edge.id)
    assert [one["limit"] for one in rows[0][0]][-len(limits) :] == list(limits)
