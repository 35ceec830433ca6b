"""Whatever several askers ask at once, through faults and killed owners: what the exchange holds is within the limits.

The truth is the exchange's own: at each order and change that it accepts, position and everything that may still fill
are added up there, and what left is counted by its requests. `pytest tests/sim/test_risk_interleavings.py --steps N`
plays N steps; promises A8 and H7.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sim.exchange_twin import LogEntry
from sim.faults import NONE, Faults
from sim.world import BTC, World
from tradewright.core.ids import IntentId, intent_of
from tradewright.core.risk import Limits
from tradewright.lab.memory_risk import KeptRisk, SetPrices
from tradewright.lab.virtual_loop import run_virtual

STEPS = 250
MARK = Decimal(60000)  # as the owner is told, whatever the exchange's price does: so that sums can be compared exactly
ORDER_MAX, POSITION_MAX = Decimal(30_000), Decimal(120_000)
OPEN_MAX, RATE_MAX = 6, 40
LIMITS = Limits(
    order_notional=ORDER_MAX,
    position_notional=POSITION_MAX,
    total_notional=POSITION_MAX,
    leverage=Decimal(20),
    open_orders=Decimal(OPEN_MAX),
    orders_per_minute=Decimal(RATE_MAX),
    price_distance=Decimal(5),
    daily_loss=Decimal(50),
    data_age=Decimal(30),
)
_TROUBLE = (
    Faults(reply_lost=0.3),
    Faults(request_lost=0.3),
    Faults(event_lost=0.3),
    Faults(database_slow=0.5),
    Faults(visible_late=0.5, visible_late_s_max=4.0),
)


@dataclass
class Seen:
    breaches: list[str] = field(default_factory=list)
    touched: Counter[str] = field(default_factory=Counter)
    at_most: Decimal = Decimal(0)
    accepted: int = 0


class WatchedLog(list[LogEntry]):
    """The exchange's log: whenever something was accepted or changed, everything there is looked at."""

    def __init__(self, look_now: Callable[[str], None]) -> None:
        super().__init__()
        self._look_now = look_now

    def append(self, entry: LogEntry) -> None:
        super().append(entry)
        if entry.what in ("accepted", "amended"):
            self._look_now(f"{entry.what} {entry.link_id}")


def look(world: World, seen: Seen, what: str) -> None:
    seen.accepted += 1
    live = [order for order in world.exchange.orders.values() if not order.ended and not order.asked.reduce_only]
    position = sum(
        (fill.quantity if fill.side == "Buy" else -fill.quantity for _, fill in world.exchange.fills), Decimal(0)
    )
    for side, sign in (("Buy", 1), ("Sell", -1)):
        pending = [order for order in live if order.asked.side == side]
        worst = sign * position * MARK + sum(
            (order.rest * max(order.asked.price or MARK, MARK) for order in pending), Decimal(0)
        )
        seen.at_most = max(seen.at_most, worst)
        if worst > POSITION_MAX:
            seen.breaches.append(f"{side} {worst} > {POSITION_MAX} after {what}")
        for order in pending:
            if order.rest * max(order.asked.price or MARK, MARK) > ORDER_MAX:
                seen.breaches.append(f"an order of {order.asked.quantity} after {what}")
    if len(live) > OPEN_MAX:
        seen.breaches.append(f"{len(live)} open orders after {what}")


async def quiet(world: World, seen: Seen) -> None:
    """Once nobody asks and nothing fails, the owner counts exactly what the exchange has, and nothing for ever."""
    world.set_faults(NONE)
    assert world.process is not None
    if world.process.task.done():
        world.start()
    await world.seconds(420)  # two whole readings
    exposure = world.process.session.exposure
    for side in ("Buy", "Sell"):
        theirs = sum(
            (
                order.rest
                for order in world.exchange.orders.values()
                if not order.ended and order.asked.side == side and not order.asked.reduce_only
            ),
            Decimal(0),
        )
        ours = exposure.open_quantity(BTC, side)
        if ours != theirs:
            seen.breaches.append(f"{side} {ours} counted at the end, {theirs} there")


def rate_breaches(world: World) -> list[str]:
    """More first requests of what adds exposure within some minute than may be."""
    first: dict[IntentId, Any] = {}
    for request in world.database.requests.values():
        intent = world.database.intents[request.intent_id]
        if intent.kind in ("place", "amend") and not intent.reduces:
            first[intent.id] = min(first.get(intent.id, request.created_at), request.created_at)
    times = sorted(first.values())
    minute = timedelta(seconds=59.9)
    return [
        f"{RATE_MAX + 1} orders from {times[i]} to {times[i + RATE_MAX]}"
        for i in range(len(times) - RATE_MAX)
        if times[i + RATE_MAX] - times[i] < minute
    ]


def ask(world: World, rng: random.Random) -> None:
    """One thing that one of several askers wants; many of them stand at the edge of some limit."""
    quantity = Decimal(rng.choice((1, 50, 100, 250, 499, 500, 501))) / 1000
    side = rng.choice(("Buy", "Sell"))
    live = [intent_of(order.asked.link_id) for order in world.exchange.orders.values() if not order.ended]
    match rng.choice(
        ("limit",) * 5
        + ("market",) * 4
        + ("near",) * 4
        + ("cancel",) * 3
        + ("amend",) * 3
        + ("close", "reverse", "leverage")
    ):
        case "limit":
            price = MARK - rng.choice((0, 500, 5000)) if side == "Buy" else MARK + rng.choice((0, 500, 5000))
            world.place(side=side, quantity=quantity, price=price)
        case "near":
            for _ in range(rng.randint(2, 4)):  # several at once, each of which may fit alone
                world.place(side=side, quantity=Decimal("0.5"), price=MARK - 100 if side == "Buy" else MARK)
        case "market":
            world.market(side=side, quantity=quantity)
        case "cancel" if live:
            world.cancel(rng.choice(live) or IntentId(world.ids.new()))
        case "amend" if live:
            world.amend(rng.choice(live) or IntentId(world.ids.new()), quantity=quantity)
        case "close":
            world.close()
        case "reverse":
            world.reverse()
        case "leverage":
            world.leverage(rng.choice((5, 20, 21)))
        case _:
            pass


async def life(seed: int) -> Seen:
    rng = random.Random(f"risk:{seed}")
    world = World(seed, risk=KeptRisk([("installation", LIMITS)]))
    world.prices = SetPrices(lambda: MARK)
    seen = Seen()
    world.exchange.log = WatchedLog(lambda what: look(world, seen, what))
    process = world.start()
    await world.ready()
    for _ in range(STEPS):
        ask(world, rng)
        await world.seconds(rng.choice((0.0, 0.0, 0.05, 0.2, 1.0, 3.0)))
        chance = rng.random()
        if chance < 0.05:
            world.set_faults(rng.choice(_TROUBLE))
        elif chance < 0.12:
            world.set_faults(NONE)
        elif chance < 0.2:
            world.exchange.move_price(MARK + rng.choice((-600, -300, 0, 300, 600)))
        elif chance < 0.23:
            await world.kill()
            process = world.start()
        if process.task.done():
            process = world.start()
    await quiet(world, seen)
    for row in world.database.intents.values():
        if row.reason is not None and row.reason.code.startswith("risk."):
            seen.touched[row.reason.code] += 1
    seen.breaches += rate_breaches(world)
    return seen


def test_nothing_that_the_exchange_accepts_is_ever_beyond_a_limit(risk_seed: int) -> None:
    seen = run_virtual(life(risk_seed))
    assert seen.breaches == []
    assert seen.accepted > 20
    assert {"risk.position_notional", "risk.open_orders"} & seen.touched.keys(), seen.touched
    assert seen.at_most > POSITION_MAX / 2
