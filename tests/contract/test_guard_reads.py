"""What the guardian reads and keeps, on the in-memory twin and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from contract.journal_worlds import JournalWorld, MemoryWorld, PostgresWorld
from sim.facts import BTC, START, fill, order_report, position
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId, link_id_of, made_id
from tradewright.core.order import Exit, PositionExits
from tradewright.core.protection import PlannedStop, planned
from tradewright.storage.engine import create_engine
from tradewright.trading.bodies import ExitsBody
from tradewright.trading.guardian.model import Guarded
from tradewright.trading.guardian.steps import Outcome
from tradewright.trading.journal import AnsweredAcknowledged, AnsweredRefused
from tradewright.trading.model import ExitsIntent, Reason

SIGNED = START + timedelta(seconds=40)
TRACE = Trace(signed_at=SIGNED, answered_at=SIGNED, http_status=200, ret_code=0, ret_msg="OK", trace_id="t")
STOP = Exit(trigger_price=Decimal(57000), trigger_by="MarkPrice")


@pytest.fixture(scope="module")
def shared_url(postgres: Any) -> Iterator[str]:
    url: str = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[JournalWorld]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = request.getfixturevalue("shared_url")
    engine = create_engine(url, pool_size=4)
    opened = await PostgresWorld.open(engine, url)
    yield opened
    await opened.close()
    await engine.dispose()


async def the_proposed(world: JournalWorld, intent_id: IntentId) -> Any:
    return next(intent for intent in await world.journal.proposed() if intent.id == intent_id)


async def sent(world: JournalWorld, intent_id: IntentId, order: str = "") -> Any:
    intent = await the_proposed(world, intent_id)
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    named = ExchangeOrderId(order) if order else None
    await world.journal.answer(intent, request, AnsweredAcknowledged(named, TRACE))
    return intent


async def filled(world: JournalWorld, name: str, quantity: str, at: float, **changes: Any) -> IntentId:
    """An order of ours with its fill, booked."""
    intent_id = await world.place(quantity=Decimal(quantity), **changes)
    await sent(world, intent_id, name)
    stop = changes.get("stop_loss")
    report = order_report(
        "filled",
        exchange_order_id=name,
        link_id=link_id_of(intent_id),
        stop_loss=None if stop is None else stop.trigger_price,
    )
    done = fill(f"e-{name}", quantity, order_id=name, executed_at=START + timedelta(seconds=at), sequence=int(at))
    await world.journal.book([report, done], "stream")
    return intent_id


async def test_fills_come_newest_first_with_the_stop_that_their_order_carried(world: JournalWorld) -> None:
    first = await filled(world, "x-1", "0.2", 1, stop_loss=STOP)
    await filled(world, "x-2", "0.3", 2)
    await world.journal.book(
        [
            order_report("filled", exchange_order_id="x-3", link_id="", stop_loss=Decimal(50000)),
            fill("e-x-3", "0.1", order_id="x-3", executed_at=START + timedelta(seconds=3), side="Sell"),
            fill("e-f", "5", order_id="x-9", executed_at=START + timedelta(seconds=4), exec_type="Funding"),
        ],
        "stream",
    )
    asked = await world.guard_reads.asked(BTC, 0)
    assert [each.signed for each in asked.fills] == [Decimal("-0.1"), Decimal("0.3"), Decimal("0.2")]
    mine = PlannedStop(price=Decimal(57000), by="MarkPrice", origin=first)
    assert [each.stop for each in asked.fills] == [None, None, mine], "a stop of an order of others is no plan of ours"
    assert (asked.booked, asked.reaches_back, list(asked.stops)) == (Decimal("0.4"), True, [])
    plan = planned(asked, "Buy", Decimal("0.4"))
    assert plan is not None
    assert (plan.stop, plan.adds_up) == (mine, True)


async def test_what_was_there_before_the_first_fill_counts(world: JournalWorld) -> None:
    await world.journal.book([position("1")], "reconciliation")
    await world.journal.position_breaks([position("1")])
    await filled(world, "x-1", "0.2", 1)
    assert (await world.guard_reads.asked(BTC, 0)).booked == Decimal("1.2")


async def test_exits_are_told_with_when_they_were_carried_out_and_whether_they_are_on_their_way(
    world: JournalWorld,
) -> None:
    await world.journal.book([position("1")], "stream")
    exits_id = await world.exits(stop_loss=Decimal(57000))
    (open_one,) = (await world.guard_reads.asked(BTC, 0)).stops
    assert (open_one.origin, open_one.side, open_one.price, open_one.is_open) == (exits_id, "Buy", Decimal(57000), True)
    intent = await sent(world, exits_id)
    (acknowledged,) = (await world.guard_reads.asked(BTC, 0)).stops
    assert acknowledged.is_open, "it is not read back"
    await world.journal.confirm(intent, [position("1", stop_loss=Decimal(57000), at=2)], "reconciliation")
    (read_back,) = (await world.guard_reads.asked(BTC, 0)).stops
    assert (read_back.is_open, read_back.at) == (False, SIGNED)


async def test_exits_that_were_refused_that_take_a_profit_or_that_the_guardian_wanted_are_no_wishes(
    world: JournalWorld,
) -> None:
    await world.journal.book([position("1")], "stream")
    await world.exits(take_profit=Decimal(63000))
    refused = await the_proposed(world, await world.exits(stop_loss=Decimal(58000)))
    request = await world.journal.open_request(refused, RequestId(uuid4()))
    assert request is not None
    await world.journal.answer(refused, request, AnsweredRefused(Reason("exchange.refused"), TRACE))
    body = ExitsBody(
        id=IntentId(made_id(str(uuid4()))),
        category="linear",
        symbol="BTCUSDT",
        exits=PositionExits(stop_loss=Decimal(57000)),
    )
    assert await world.journal.propose(body, source="guardian", reason=Reason("protection.missing")) == "proposed"
    assert list((await world.guard_reads.asked(BTC, 0)).stops) == []


async def test_exits_whose_sender_ended_are_told_with_a_time_of_the_exchanges_clock(world: JournalWorld) -> None:
    """The newest request that tells its time says how far the two clocks are apart."""
    await filled(world, "x-1", "1", 1)
    await world.journal.book([position("1")], "stream")
    exits_id = await world.exits(stop_loss=Decimal(0))
    intent = await the_proposed(world, exits_id)
    assert await world.journal.open_request(intent, RequestId(uuid4())) is not None
    await world.journal.take_over()
    await world.journal.resolve(intent, happened=True)
    (stop,) = (await world.guard_reads.asked(BTC, 0)).stops
    assert SIGNED <= stop.at < SIGNED + timedelta(seconds=30)


async def test_outcomes_of_what_the_guardian_asked_for(world: JournalWorld) -> None:
    await world.journal.book([position("1")], "stream")
    body = ExitsBody(
        id=IntentId(made_id(str(uuid4()))),
        category="linear",
        symbol="BTCUSDT",
        exits=PositionExits(stop_loss=Decimal(57000)),
    )
    assert await world.guard_reads.outcome(body.id) is None
    await world.journal.propose(body, source="guardian", reason=Reason("protection.missing"))
    assert await world.guard_reads.outcome(body.id) == Outcome("proposed", is_open=True)
    intent = await the_proposed(world, body.id)
    assert isinstance(intent, ExitsIntent)
    request = await world.journal.open_request(intent, RequestId(uuid4()))
    assert request is not None
    why = Reason("exchange.trigger_passed", {}, 110093, "wrong side")
    await world.journal.answer(intent, request, AnsweredRefused(why, TRACE))
    refused = Outcome("rejected", is_open=False, reason="exchange.trigger_passed", exchange_code=110093)
    assert await world.guard_reads.outcome(body.id) == refused


GUARDED = Guarded(
    instrument=BTC,
    position_index=0,
    side="Buy",
    stop=PlannedStop(price=Decimal(57000), by="MarkPrice", origin=uuid4()),
    followed=Decimal(58000),
    confirmed=True,
    state="repairing",
    why="protection.missing",
    naked_since=START,
    naked_ms_total=1234,
    naked_ms_longest=1000,
    repairs=2,
    closes=1,
)


async def test_what_is_kept_comes_back_as_it_was_and_is_told(world: JournalWorld) -> None:
    await world.journal.book([position("1")], "stream")
    await world.journal.keep_protection(GUARDED, "naked")
    assert list(await world.guard_reads.guarded()) == [GUARDED]
    assert [event.kind for event in await world.events()] == ["position", "position", "protection"]
    changed = replace(GUARDED, state="protected", why=None, naked_since=None, repairs=0, closes=0)
    await world.journal.keep_protection(changed, None)
    assert list(await world.guard_reads.guarded()) == [changed]
    assert [event.kind for event in await world.events()][3:] == ["position"]


@pytest.mark.parametrize("news", ["removed", "flat"])
async def test_what_has_ended_is_not_kept(world: JournalWorld, news: Any) -> None:
    await world.journal.book([position("1")], "stream")
    await world.journal.keep_protection(GUARDED, "naked")
    await world.journal.keep_protection(GUARDED, news)
    assert list(await world.guard_reads.guarded()) == []
