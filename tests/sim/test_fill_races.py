"""Races of fills, by name, each in every order in which its word may arrive (promise H2).

The end is the same, each fill counts once, and nothing that is over comes back.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from sim.facts import fill, order_report, position
from sim.world import BTC, World
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId, link_id_of
from tradewright.core.order import OrderState
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.account_book import AccountBook
from tradewright.trading.journal import Answer, AnsweredAcknowledged, AnsweredRefused, Fact, OpenedRequest
from tradewright.trading.kept_journal import KeptJournal
from tradewright.trading.model import CancelIntent, Intent, Reason
from tradewright.trading.risk.exposure import Exposure

ACK, CANCEL_ACK, CANCEL_LATE = "ack", "cancel acknowledged", "cancel too late"
Arrival = Fact | str
HALF = Decimal("0.5")


@dataclass(frozen=True)
class Race:
    """What arrives, in any order; how the order ends, what was filled, and what the position is."""

    arrivals: Sequence[Arrival]
    state: OrderState
    filled: str
    size: str
    is_cancelled: bool = False


RACES = {
    "fill before ack": Race(
        [ACK, order_report("filled", filled="0.5", at=2), fill("e-1"), position("0.5", at=2)], "filled", "0.5", "0.5"
    ),
    # It was cancelled with a part filled; word of that fill comes when the order is long known to have ended.
    "fill after cancel": Race(
        [
            ACK,
            CANCEL_ACK,
            order_report("cancelled", filled="0.2", at=3),
            fill("e-1", "0.2"),
            position("0.2", at=2),
        ],
        "cancelled",
        "0.2",
        "0.2",
        is_cancelled=True,
    ),
    "cancel after fill": Race(
        [ACK, CANCEL_LATE, order_report("filled", filled="0.5", at=2), fill("e-1"), position("0.5", at=2)],
        "filled",
        "0.5",
        "0.5",
        is_cancelled=True,
    ),
    # The exchange fills more than was asked: what it has done counts, and nothing negative is left to come.
    "overfill": Race(
        [
            ACK,
            order_report("filled", filled="0.6", at=3),
            fill("e-1", "0.4"),
            fill("e-2", "0.2", sequence=2),
            position("0.6", at=3, sequence=2),
        ],
        "filled",
        "0.6",
        "0.6",
    ),
}


class _Bench:
    """One order that left, with its cancel where the race has one."""

    def __init__(self, world: World, database: MemoryDatabase) -> None:
        self.database, self.book = database, AccountBook()
        self.exposure = Exposure(lambda _instrument: "BTC")
        journal = MemoryJournal(database, clock=world.clock, ids=world.ids)
        self.journal = KeptJournal(journal, self.book, self.exposure, world.clock)

    async def take(self, one: Arrival, sent: dict[str, tuple[Intent, OpenedRequest]]) -> None:
        if not isinstance(one, str):
            await self.journal.book([one], "stream")
            return
        answer: Answer = AnsweredAcknowledged(ExchangeOrderId("x-1"), Trace())
        if one == CANCEL_LATE:
            answer = AnsweredRefused(Reason("exchange.too_late"), Trace(ret_code=110001))
        intent, request = sent["place" if one == ACK else "cancel"]
        await self.journal.answer(intent, request, answer)


async def _begun(race: Race) -> tuple[World, IntentId, dict[str, tuple[Intent, OpenedRequest]]]:
    world = World(1)
    journal = MemoryJournal(world.database, clock=world.clock, ids=world.ids)
    buy = world.place(quantity=HALF, price=Decimal(60000))
    sent: dict[str, tuple[Intent, OpenedRequest]] = {}
    [intent] = await journal.proposed()
    opened = await journal.open_request(intent, RequestId(world.ids.new()))
    assert opened is not None
    sent["place"] = (intent, opened)
    if race.is_cancelled:
        world.cancel(buy)
        [cancel] = await journal.proposed()
        assert isinstance(cancel, CancelIntent)
        opened = await journal.open_request(cancel, RequestId(world.ids.new()))
        assert opened is not None
        sent["cancel"] = (cancel, opened)
    return world, buy, sent


def _held(bench: _Bench, buy: IntentId) -> dict[str, Any]:
    [order] = bench.database.orders.values()
    live = bench.book.position(BTC)
    return {
        "order": (order.tracked.state, order.tracked.filled_quantity, order.intent_id == buy),
        "place": bench.database.intents[buy].state,
        "fills": {name: row.order_id == buy for name, row in bench.database.executions.items()},
        "size": bench.database.positions[("linear", "BTCUSDT", 0)].position.size,
        "in memory": (list(bench.book.orders()), None if live is None else live.size),
        "differences": bench.database.differences,
    }


@pytest.mark.parametrize("name", RACES)
def test_every_order_of_arrival_of_a_race_has_the_same_end(name: str) -> None:
    race = RACES[name]

    async def scene() -> int:
        world, buy, sent = await _begun(race)
        link = link_id_of(buy)
        fills = {one.exec_id: one.quantity for one in race.arrivals if type(one).__name__ == "Execution"}  # type: ignore[union-attr]
        arrivals = [_named(one, link) for one in race.arrivals]
        orders = list(permutations(arrivals))
        for order in orders:
            bench = _Bench(world, copy.deepcopy(world.database))
            for one in [*order, *(one for one in order if not isinstance(one, str))]:  # and every fact once more
                await bench.take(one, sent)
            assert _held(bench, buy) == {
                "order": (race.state, Decimal(race.filled), True),
                "place": "acknowledged",
                "fills": dict.fromkeys(fills, True),
                "size": Decimal(race.size),
                "in memory": ([], Decimal(race.size)),
                "differences": [],
            }, order
            assert sum(fills.values()) == Decimal(race.filled)
        return len(orders)

    assert run_virtual(scene()) in (24, 120)


def _named(one: Arrival, link: str) -> Arrival:
    return replace(one, link_id=link) if hasattr(one, "link_id") else one  # type: ignore[type-var]
