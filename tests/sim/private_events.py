"""Stories of private events, and what is held after they came in some order: repeated, dropped, or late.

Lives here: `Story`, `told`, `held`, `arrived`. Not here: which orders of arrival are drawn (the tests).
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sim.exchange_ports import GatewayTwin
from sim.exchange_twin import Fact
from sim.world import World
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId, link_id_of
from tradewright.core.order import FINAL_STATES
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.trading.journal import AnsweredAcknowledged, OpenedRequest
from tradewright.trading.model import Intent, PlaceIntent
from tradewright.trading.reconciliation import reconcile


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to a request, which comes by another way than the events."""

    intent: Intent
    request: OpenedRequest
    exchange_order_id: ExchangeOrderId | None


Arrival = Fact | Ack


@dataclass(slots=True)
class Story:
    """What the exchange told, in its order, of requests that were open when it began; `world` is as it ended."""

    world: World
    arrivals: list[Arrival]


async def _pass(_name: str) -> None:
    return None


async def told(seed: int) -> Story:
    """One to three orders of ours and perhaps one of somebody else's: filled, cut, cancelled in drawn ways."""
    world, rng = World(seed), random.Random(f"story:{seed}")
    arrivals: list[Arrival] = []
    world.exchange.publish = arrivals.append
    journal = MemoryJournal(world.database, clock=world.clock, ids=world.ids)
    for _ in range(rng.randint(1, 3)):
        is_market = rng.random() < 0.4
        side = rng.choice(("Buy", "Sell"))
        quantity = Decimal(rng.randrange(2, 30)) / 10
        if is_market:
            intent_id = world.market(side=side, quantity=quantity)
        else:
            price = Decimal(59000 if side == "Buy" else 61000)
            intent_id = world.place(side=side, quantity=quantity, price=price)
        await _sent(world, journal, intent_id, arrivals)
        await world.seconds(0.2)
    if rng.random() < 0.3:
        world.place_elsewhere(price="59500")
        await world.seconds(0.2)
    for price in rng.choices((58900, 59400, 61100, 60000), k=rng.randint(0, 4)):
        world.exchange.move_price(Decimal(price))
        await world.seconds(rng.choice((0.0, 0.01, 1.0)))
    live = [order for order in world.exchange.orders.values() if not order.ended]
    if live and rng.random() < 0.6:
        world.exchange.cancel(world.exchange.clock.now(), link_id=None, order_id=rng.choice(live).order_id)
    await world.seconds(1)
    return Story(world, arrivals)


async def _sent(world: World, journal: MemoryJournal, intent_id: IntentId, arrivals: list[Arrival]) -> None:
    intent = next(one for one in await journal.proposed() if one.id == intent_id)
    assert isinstance(intent, PlaceIntent)
    opened = await journal.open_request(intent, RequestId(world.ids.new()))
    assert opened is not None
    assert intent.order.link_id == link_id_of(intent_id)
    order_id = world.exchange.place(intent.order, world.exchange.clock.now())
    arrivals.append(Ack(intent, opened, order_id))


async def arrived(story: Story, order: Sequence[Arrival], *, reading: bool) -> MemoryDatabase:
    """The tables after these arrivals, one a transaction; `reading`: and after everything was read once."""
    world = story.world
    database = copy.deepcopy(world.database)
    journal = MemoryJournal(database, clock=world.clock, ids=world.ids)
    for one in order:
        if isinstance(one, Ack):
            await journal.answer(one.intent, one.request, AnsweredAcknowledged(one.exchange_order_id, Trace()))
        else:
            await journal.book([one], "stream")
    if reading:
        await read(story, database)
    return database


async def read(story: Story, database: MemoryDatabase) -> None:
    """Everything is read whole, once."""
    world = story.world
    journal = MemoryJournal(database, clock=world.clock, ids=world.ids)
    await reconcile(GatewayTwin(world.wire, _pass), journal, world.clock)


def held(database: MemoryDatabase, *, wallet: bool) -> dict[str, Any]:
    """What must not depend on the order of arrival. Of two wallets of one millisecond nobody knows which is newer, so
    that of the stream stands only until the next reading."""
    return {
        "orders": {name: (row.intent_id, row.tracked) for name, row in sorted(database.orders.items())},
        "fills": {
            name: (row.execution, None if row.order_id is None else str(row.order_id) in _ids(database))
            for name, row in sorted(database.executions.items())
        },
        # When a price was marked is no fact of the account.
        "positions": {
            key: replace(row.position, updated_at=world_start(row), mark_price=Decimal(0))
            for key, row in sorted(database.positions.items())
        },
        "wallet": (dict(sorted(database.balances.items())), database.totals) if wallet else None,
        "intents": {str(name): row.state for name, row in sorted(database.intents.items())},
        # One that was live when it was first seen is told, and gone with it; ended when it was first seen it is none.
        "differences": [
            (row.kind, row.subject)
            for row in database.differences
            if row.subject not in database.orders or database.orders[row.subject].tracked.state not in FINAL_STATES
        ],
    }


def _ids(database: MemoryDatabase) -> set[str]:
    return {str(row.id) for row in database.orders.values()} | {str(name) for name in database.intents}


def world_start(row: Any) -> Any:
    return row.position.updated_at.replace(microsecond=0, second=0, minute=0)
