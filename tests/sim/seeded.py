"""One seeded run: a safety phase with faults, crashes and a moving market, then a phase without, then the checks.

Lives here: `run_seed`. Whatever happens is drawn from the seed; the same seed gives the same event log (promise F4).
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sim.checks import faults_found, unsettled
from sim.faults import Faults, draw_faults
from sim.world import World
from tradewright.core.ids import IntentId
from tradewright.core.order import Exit, Trigger
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.resolution import EvidenceRule

SETTLED_WITHIN_S = 30.0
_SAFETY_S = 45.0
_INTENTS_MAX = 12
_PERIOD_S = 190.0  # a periodic reconciliation and what it takes


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to: `problems` is empty when every promise held."""

    seed: int
    faults: Faults
    problems: tuple[str, ...]
    digest: str
    kills: int
    orders: int
    states: tuple[str, ...]
    happened: frozenset[str]  # kinds of what the exchange's log has


def run_seed(seed: int, evidence: EvidenceRule | None = None) -> RunReport:
    """`evidence` other than the real rule is for showing that the checks find out."""
    return run_virtual(_run(seed, evidence or EvidenceRule()))


async def _run(seed: int, evidence: EvidenceRule) -> RunReport:
    rng = random.Random(f"{seed}:plan")
    world = World(seed, timedelta(seconds=rng.choice((0.0, 0.0, rng.uniform(-40, 40)))), evidence)
    world.set_faults(draw_faults(rng))
    drawn = world.wire.faults
    keeper = Keeper(world, rng, kills=rng.choice((0, 1, 1, 2, 3)))
    background = [
        asyncio.create_task(keeper.run()),
        asyncio.create_task(_people(world, rng)),
        asyncio.create_task(_market(world)),
    ]
    await asyncio.sleep(_SAFETY_S)
    world.set_faults()
    keeper.kills = 0
    assert world.process is not None, "the keeper started one"
    world.process.spare()
    # What got lost on a connection that lives on is found by the next periodic reconciliation, else by the reconnect.
    reconnects = rng.random() < 0.8
    if reconnects:
        world.wire.drop_streams("faults are over")
    background[2].cancel()
    await asyncio.sleep(SETTLED_WITHIN_S)
    late = [f"{SETTLED_WITHIN_S} s after the faults {what}" for what in unsettled(world)]
    if not reconnects:
        await asyncio.sleep(_PERIOD_S)
    problems = [*late, *(faults_found(world))]
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await world.kill()
    states = tuple(row.state for row in world.database.intents.values())
    return RunReport(
        seed=seed,
        faults=drawn,
        problems=tuple(problems),
        digest=_digest(world),
        kills=keeper.killed,
        orders=len(world.exchange.orders),
        states=states,
        happened=frozenset(entry.what for entry in world.exchange.log),
    )


class Keeper:
    """Runs the process again whenever it died: killed at a drawn point, or ended by an error of the database."""

    def __init__(self, world: World, rng: random.Random, *, kills: int) -> None:
        self.kills = kills
        self.killed = 0
        self._world = world
        self._rng = rng

    async def run(self) -> None:
        while True:
            kill_at = self._rng.randrange(1, 250) if self.kills else None
            process = self._world.start(kill_at=kill_at)
            waiting = asyncio.ensure_future(process.killed.wait())
            await asyncio.wait([process.task, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if process.is_dead:
                self.killed += 1
                self.kills = max(0, self.kills - 1)
            elif not isinstance(process.task.exception(), BaseExceptionGroup | OSError):
                process.task.result()  # nothing but an error of the database may end it
            await process.end()
            await asyncio.sleep(self._rng.uniform(0.2, 3.0))


async def _people(world: World, rng: random.Random) -> None:
    """Asks for things now and then, sometimes from elsewhere."""
    asked: list[IntentId] = []
    for _ in range(rng.randrange(3, _INTENTS_MAX + 1)):
        await asyncio.sleep(rng.expovariate(1 / 3.0))
        placed = _ask(world, rng, asked)
        if placed is not None:
            asked.append(placed)


def _ask(world: World, rng: random.Random, asked: list[IntentId]) -> IntentId | None:
    """One wish; the id of the order that it makes, if it makes one."""
    choice = rng.random()
    if asked and choice < 0.15:
        world.cancel(_target(world, rng, asked))
    elif asked and choice < 0.32:
        _amend(world, rng, _target(world, rng, asked))
    elif choice < 0.36:
        world.place_elsewhere()
    elif choice < 0.41:
        for _ in range(rng.choice((1, 2))):
            world.leverage(rng.randrange(1, 50))
    elif choice < 0.47:
        world.exits(**rng.choice(_EXITS))
    elif choice < 0.53:
        return rng.choice((world.close, world.reverse))()
    elif choice < 0.63:
        return _spot(world, rng)
    elif choice < 0.78:
        legs = {"stop_loss": Exit(trigger_price=Decimal(55000))} if rng.random() < 0.3 else {}
        return world.market(side=rng.choice(("Buy", "Sell")), quantity=_quantity(rng), **legs)
    elif choice < 0.84:
        return _conditional(world, rng)
    else:
        price = Decimal(60000) + Decimal(rng.randrange(-200, 200)) * 10
        tif = rng.choice(("GTC", "GTC", "GTC", "IOC"))
        return world.place(side=rng.choice(("Buy", "Sell")), quantity=_quantity(rng), price=price, time_in_force=tif)
    return None


def _target(world: World, rng: random.Random, asked: list[IntentId]) -> IntentId:
    """Mostly one that still lives, as a person would choose; now and then one that has ended."""
    live = [one for one in asked if world.database.status(one) in _LIVE]
    return rng.choice(live if live and rng.random() < 0.9 else asked)


_LIVE = ("acknowledged", "waiting_trigger", "working", "partially_filled", "amend_requested")
_EXITS = (
    {"take_profit": Decimal(63000), "stop_loss": Decimal(57000)},
    {"stop_loss": Decimal(58000)},
    {"take_profit": Decimal(0)},
    {"take_profit": Decimal(0), "stop_loss": Decimal(0)},
)


def _amend(world: World, rng: random.Random, order_id: IntentId) -> None:
    """Once, or several times in a moment, as a line that is dragged along."""
    for _ in range(rng.choice((1, 1, 3))):
        if rng.random() < 0.3:
            world.amend(order_id, quantity=_quantity(rng))
        else:
            world.amend(order_id, price=Decimal(60000) + Decimal(rng.randrange(-200, 200)) * 10)


def _spot(world: World, rng: random.Random) -> IntentId:
    side, quantity = rng.choice(("Buy", "Buy", "Sell")), Decimal(rng.randrange(1, 500)) / 1000
    if rng.random() < 0.5:
        return world.market(category="spot", side=side, quantity=quantity)
    price = Decimal(60000) + Decimal(rng.randrange(-100, 100)) * 10
    return world.place(category="spot", side=side, quantity=quantity, price=price)


def _conditional(world: World, rng: random.Random) -> IntentId:
    distance = Decimal(rng.randrange(1, 150)) * 10
    rises = rng.random() < 0.5
    price = world.exchange.price + (distance if rises else -distance)
    trigger = Trigger(price=price, by="LastPrice", rises=rises)
    side = rng.choice(("Buy", "Sell"))
    if rng.random() < 0.5:
        return world.market(side=side, quantity=_quantity(rng), trigger=trigger)
    return world.place(side=side, quantity=_quantity(rng), price=price, trigger=trigger)


def _quantity(rng: random.Random) -> Decimal:
    if rng.random() < 0.05:
        return Decimal(100)  # more than there is margin for
    return Decimal(rng.randrange(1, 1000)) / 1000


async def _market(world: World) -> None:
    rng = world.random_of("market")
    while True:
        await asyncio.sleep(0.5)
        world.exchange.move_price(world.exchange.price + Decimal(rng.randrange(-60, 61)) * 10)


def _digest(world: World) -> str:
    lines = [repr(entry) for entry in world.exchange.log]
    lines += [repr(event) for event in world.database.events]
    lines += [repr(sent) for sent in world.wire.sent]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
