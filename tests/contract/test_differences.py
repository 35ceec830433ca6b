"""What every `DifferenceStore` promises beside its journal, in memory and on PostgreSQL alike; and what is decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from contract.journal_worlds import JournalWorld, MemoryWorld, PostgresWorld
from sim import memory_differences
from sim.facts import BTC, fill, order_report, position
from sim.memory_differences import MemoryDifferences
from tradewright.core.ids import link_id_of
from tradewright.storage.engine import create_engine
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.differences.command import decide
from tradewright.trading.differences.model import Decision, Difference, DifferenceChanged
from tradewright.trading.differences.store import DifferenceStore, PostgresDifferences
from tradewright.trading.journal import Drift
from tradewright.trading.model import Reason

SIZE = Drift("position.size", "linear:BTCUSDT", "1", "1.5")


@dataclass
class Both:
    world: JournalWorld
    store: DifferenceStore

    async def decide(self, one: Difference, decision: Decision, *, version: int = 1, always: bool = False) -> None:
        if isinstance(self.world, MemoryWorld):
            memory_differences.decide(self.world._db, one.id, decision, version=version, always=always)
        else:
            assert isinstance(self.world, PostgresWorld)
            async with self.world._asker() as asker:
                await decide(asker, one.id, decision, version=version, always=always)

    async def foreign(self, name: str = "x-9", **changes: Any) -> None:
        await self.world.journal.book([order_report(order_id=name, link_id="by-hand", **changes)], "stream")

    async def only(self) -> Difference:
        [one] = await self.store.live()
        return one

    async def live(self) -> list[tuple[str, str, bool]]:
        return [(one.kind, one.state, one.blocks) for one in await self.store.live()]

    async def told(self) -> list[str]:
        """Kinds of the events about differences."""
        return [event.kind for event in await self.world.events() if event.kind in ("drift", "difference")]

    async def waiting(self) -> int:
        return (await self.world.drifts())[0]


@pytest.fixture(scope="module")
def shared_url(postgres: Any) -> Iterator[str]:
    url: str = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    if request.param == "memory":
        memory = MemoryWorld()
        yield Both(memory, MemoryDifferences(memory._db))
        return
    engine = create_engine(request.getfixturevalue("shared_url"), pool_size=4)
    world = await PostgresWorld.open(engine, request.getfixturevalue("shared_url"))
    yield Both(world, PostgresDifferences(engine, world._home.account))
    await world.close()
    await engine.dispose()


async def test_a_foreign_order_waits_and_blocks_its_symbol_and_is_told_once(both: Both) -> None:
    await both.foreign()
    await both.foreign(at=3)
    one = await both.only()
    assert (one.kind, one.state, one.instrument, one.blocks) == ("order.foreign", "open", BTC, True)
    assert one.order_id == (await both.world.order("x-9"))[0]  # type: ignore[index]
    assert (await both.told(), await both.waiting()) == (["drift"], 1)


async def test_what_is_our_own_is_told_and_blocks_nothing(both: Both) -> None:
    await both.world.journal.record_drift([Drift("order.missing", "x-1", "working", "")])
    assert await both.live() == [("order.missing", "open", False)]


async def test_a_foreign_order_that_has_ended_is_known_to_have_and_goes(both: Both) -> None:
    await both.foreign()
    await both.foreign(state="cancelled", at=3)
    one = await both.only()
    assert one.has_ended
    await both.store.move(one, "gone")
    assert (await both.live(), await both.waiting(), await both.told()) == ([], 0, ["drift", "difference"])
    await both.store.move(one, "gone")
    assert await both.told() == ["drift", "difference"], "it is over once"


async def test_ignored_it_stays_there_without_blocking_and_may_be_decided_on_again(both: Both) -> None:
    await both.foreign()
    await both.decide(await both.only(), "ignore")
    assert (await both.live(), await both.told()) == ([("order.foreign", "ignored", False)], ["drift"])
    await both.store.tell_decided()
    await both.store.tell_decided()
    assert (await both.told(), await both.waiting()) == (["drift", "difference"], 0)
    await both.decide(await both.only(), "close", version=2)
    assert await both.live() == [("order.foreign", "closing", True)]


async def test_a_decision_on_what_has_changed_is_a_conflict(both: Both) -> None:
    await both.world.journal.record_drift([SIZE])
    one = await both.only()
    await both.world.journal.record_drift([Drift("position.size", "linear:BTCUSDT", "1", "2")])
    with pytest.raises(DifferenceChanged):
        await both.decide(one, "adopt")
    assert await both.live() == [("position.size", "open", True)]
    assert await both.told() == ["drift", "drift"]


async def test_what_is_over_cannot_be_decided_on(both: Both) -> None:
    await both.foreign()
    one = await both.only()
    await both.decide(one, "adopt")
    with pytest.raises(DifferenceChanged):
        await both.decide(one, "close", version=2)


async def test_a_close_that_failed_waits_again_and_a_new_one_is_another_wish(both: Both) -> None:
    await both.foreign()
    await both.decide(await both.only(), "close")
    first = await both.only()
    await both.store.move(first, "open", "difference.not_closed")
    await both.decide(await both.only(), "close", version=3)
    second = await both.only()
    assert first.close_id is not None
    assert second.close_id not in (None, first.close_id)
    await both.store.move(first, "closed")
    assert await both.live() == [("order.foreign", "closing", True)], "the word of an earlier close is not of this one"


async def test_a_foreign_size_that_is_adopted_adds_up_from_then_on(both: Both) -> None:
    world = both.world
    held = position(size="1")
    await world.journal.book([held], "stream")
    assert await world.journal.position_breaks([held]) == []
    more = position(size="1.5", at=3, sequence=9)
    await world.journal.book([more], "stream")
    [found] = await world.journal.position_breaks([more])
    assert found == SIZE
    await world.journal.record_drift([found])
    one = await both.only()
    assert one.part == Decimal("0.5")
    await both.decide(one, "adopt")
    assert await world.journal.position_breaks([more]) == []
    assert await both.live() == []


async def test_an_ignored_size_is_told_no_more_while_the_same_part_is_foreign_and_again_when_another_is(
    both: Both,
) -> None:
    await both.world.journal.record_drift([SIZE])
    await both.decide(await both.only(), "ignore")
    # With a fill of ours both sides move alike.
    await both.world.journal.record_drift([Drift("position.size", "linear:BTCUSDT", "3", "3.5")])
    assert await both.live() == [("position.size", "ignored", False)]
    await both.world.journal.record_drift([Drift("position.size", "linear:BTCUSDT", "3", "4")])
    assert await both.live() == [("position.size", "open", True)]


async def test_what_a_reading_of_its_kind_does_not_find_any_more_is_gone_and_nothing_else(both: Both) -> None:
    await both.foreign()
    await both.world.journal.record_drift([SIZE, Drift("order.missing", "x-1", "working", "")])
    await both.world.journal.record_drift([], compared=["order.missing"])
    assert [kind for kind, _, _ in await both.live()] == ["order.foreign", "position.size"]
    await both.world.journal.record_drift([SIZE], compared=["order.missing", "position.size"])
    assert [kind for kind, _, _ in await both.live()] == ["order.foreign", "position.size"]
    await both.world.journal.record_drift([], compared=["order.missing", "position.size"])
    assert [kind for kind, _, _ in await both.live()] == ["order.foreign"]
    await both.world.journal.record_drift([SIZE], compared=["position.size"])
    assert await both.waiting() == 2, "it came back, and is told again"


async def test_ignored_always_the_next_foreign_orders_of_the_symbol_neither_wait_nor_block_until_it_is_taken_back(
    both: Both,
) -> None:
    await both.foreign("x-1")
    await both.decide(await both.only(), "ignore", always=True)
    await both.foreign("x-2")
    assert await both.live() == [("order.foreign", "ignored", False)] * 2
    assert await both.waiting() == 0
    last = (await both.store.live())[1]
    await both.decide(last, "ignore", always=False)
    await both.foreign("x-3")
    assert (await both.live())[2] == ("order.foreign", "open", True)


async def test_the_end_of_what_closes_it_is_known(both: Both) -> None:
    world = both.world
    await world.journal.book([position(size="1.5")], "stream")
    await world.journal.record_drift([SIZE])
    await both.decide(await both.only(), "close")
    one = await both.only()
    assert one.close_id is not None
    assert (one.close_state, one.close_has_ended) == (None, False)
    body = PlaceBody(
        id=one.close_id,
        category="linear",
        symbol="BTCUSDT",
        side="Sell",
        order_type="Market",
        quantity=Decimal("0.5"),
        price=None,
        time_in_force="IOC",
        reduce_only=True,
        note=None,
    )
    assert await world.journal.propose(body, source="drift", reason=Reason("difference.close")) == "proposed"
    assert await world.journal.propose(body, source="drift", reason=Reason("difference.close")) == "known"
    assert (await both.only()).close_state == "proposed"
    report = order_report("filled", filled="0.5", order_id="x-7", link_id=link_id_of(one.close_id))
    await world.journal.book([report, fill("e-1", "0.5", order_id="x-7", side="Sell")], "stream")
    ended = (await both.store.live())[0]  # beside it, the order was there before its request was
    assert (ended.close_has_ended, ended.close_is_full) == (True, True)


async def test_what_never_arrived_is_closed_by_another_intent_and_each_try_counts(both: Both) -> None:
    await both.foreign()
    await both.decide(await both.only(), "close")
    first = await both.only()
    await both.store.close_again(first)
    await both.store.close_again(first)
    second = await both.only()
    assert (first.tries, second.tries) == (1, 2)
    assert second.close_id not in (None, first.close_id)
