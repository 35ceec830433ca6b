"""One seeded run: a safety phase with faults and kills, then a phase without, with new orders; then the checks.

Lives here: `run_seed` and its report. Whatever happens is drawn from the seed: the same seed gives the same digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from sim.protection_checks import QUIET_MARGIN_S, StopWatch, naked_beyond
from sim.whole.bookkeeping import judge_books
from sim.whole.checkers import Findings, accepted, check, unsettled
from sim.whole.deciding import Decider
from sim.whole.faults import SAFETY_S, FaultPlan, Kill, draw
from sim.whole.guards import GUARD, moment, steal_stop
from sim.whole.killing import Killer
from sim.whole.owning import stand_still
from sim.whole.people import Person, Stranger
from sim.whole.setting import POINTS, DatabaseAway
from sim.whole.watching import watch_sends
from sim.whole.wire import FaultyWire
from sim.whole.world import World
from tradewright.core.ids import IntentId
from tradewright.lab.network import NetworkLoop, run_networked

TAIL_S: Final = 30.0
_VIRTUAL_S_MAX: Final = 120.0
_TAIL_ORDERS_FROM_S: Final = 12.0
_STOLEN_AFTER_S: Final = 20.0
_RESTARTS_S: Final = (0.05, 2.0)
_FINAL: Final = ("waiting_trigger", "working", "partially_filled", "filled", "cancelled", "rejected", "refused")

MakeWorld = Callable[[int, FaultPlan, FaultyWire], World]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to: every list of `found` is empty when every promise held."""

    seed: int
    found: Findings
    digest: str
    truth_orders: int
    unknown_seen: int
    limits_touched: int
    crashes: Counter[str]  # by point
    strikes: Counter[str]  # by kind of fault
    cpu_ms: float

    @property
    def problems(self) -> list[str]:
        return [f"{word}: {text}" for word, texts in self.found.items() for text in texts]


def run_seed(seed: int, make_world: MakeWorld = World) -> RunReport:
    began = time.process_time()
    wire = FaultyWire(random.Random(f"{seed}:wire"))
    report: RunReport = run_networked(_run(seed, wire, make_world), wire)
    spent_ms = (time.process_time() - began) * 1000
    return RunReport(**{name: getattr(report, name) for name in report.__slots__ if name != "cpu_ms"}, cpu_ms=spent_ms)


async def _run(seed: int, wire: FaultyWire, make_world: MakeWorld) -> RunReport:
    plan = draw(random.Random(f"{seed}:plan"), POINTS)
    world = make_world(seed, plan, wire)
    async with asyncio.timeout(_VIRTUAL_S_MAX):
        await world.open()
        try:
            return await _live(world)
        finally:
            await world.close()


async def _live(world: World) -> RunReport:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, NetworkLoop)
    watch_sends(world)
    person, stranger = Person(world, world.random_of("person")), Stranger(world, world.random_of("stranger"))
    keeper = _Keeper(world)
    world.begin_faults()
    loud, quiet = [StopWatch() for _ in world.legs], [StopWatch() for _ in world.legs]
    background = [
        asyncio.create_task(keeper.run()),
        asyncio.create_task(world.market.move()),
        asyncio.create_task(person.live(SAFETY_S)),
        asyncio.create_task(stranger.live(SAFETY_S)),
        *_watched(world, loud),
        *(asyncio.create_task(part) for part in _parts_of(world, person)),
    ]
    await asyncio.sleep(SAFETY_S)
    world.end_faults()
    # What got lost on a connection that lives on is found by the next reading of everything, else by the reconnect.
    if world.random_of("end").random() < 0.8:
        wire_links = loop.links
        world.wire.drop_streams(wire_links)
        reads_again = False
    else:
        reads_again = True
    await asyncio.sleep(_TAIL_ORDERS_FROM_S)
    tail = await _tail_orders(world, person, SAFETY_S + TAIL_S - 5)
    if reads_again and world.process is not None:
        world.process.session.want_reconcile()
    await asyncio.sleep(SAFETY_S + _STOLEN_AFTER_S - loop.time())
    naked = [text for watch in loud for text in naked_beyond(watch, GUARD)]
    background += _watched(world, quiet)
    steal_stop(world)
    await asyncio.sleep(SAFETY_S + TAIL_S - loop.time())
    background[1].cancel()
    late = [f"{TAIL_S} s after the faults {what}" for what in unsettled(world)]
    await asyncio.sleep(2.0)  # what the last step of the market did is told
    books = await judge_books(world) if world.night.keeps_books else []
    found = check(world, stranger)
    found["diverged"] += books
    found["naked"] += [*naked, *(text for watch in quiet for text in naked_beyond(watch, GUARD, QUIET_MARGIN_S))]
    found["stuck"] += [*late, *keeper.died_of, *_unfinished(world, tail), *_broken(background)]
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    return RunReport(
        seed=world.seed,
        found=found,
        digest=_digest(world),
        truth_orders=len(accepted(world)),
        unknown_seen=sum(row.outcome == "unknown" for row in world.database.requests.values()),
        limits_touched=sum(
            row.reason is not None and row.reason.code.startswith("risk.") for row in world.database.intents.values()
        ),
        crashes=world.crashes,
        strikes=world.strikes(),
        cpu_ms=0.0,
    )


def _watched(world: World, watches: Sequence[StopWatch]) -> list[asyncio.Task[None]]:
    """One for each leg."""
    pairs = zip(watches, world.legs, strict=True)
    return [asyncio.create_task(watch.run(partial(moment, world, leg), 0.5)) for watch, leg in pairs]


def _parts_of(world: World, person: Person) -> Iterator[Coroutine[Any, Any, None]]:
    """What happens that night beside orders and faults."""
    night = world.night
    if night.pull is not None:
        yield world.note_lengths()
        yield Killer(world, night.pull).live()
    if night.sweeps:
        yield person.sweep(SAFETY_S)
    if night.decides:
        yield Decider(world, world.random_of("decider")).live()
    if night.standstill is not None:
        yield stand_still(world, night.standstill)


def _broken(tasks: Sequence[asyncio.Task[None]]) -> list[str]:
    """A part of the night that ended by a mistake of its own would leave its promise unlooked at."""
    ended = [task for task in tasks if task.done() and not task.cancelled()]
    return [f"a part of the night ended: {task.exception()!r}" for task in ended if task.exception() is not None]


async def _tail_orders(world: World, person: Person, until_s: float) -> list[IntentId] | None:
    """New orders once the session is ready again; None when it never is."""
    while world.database.session[0] != "ready":
        if world.loop.time() > until_s:
            return None
        await asyncio.sleep(0.25)
    return [person.limit_order(), person.market_order()]


def _unfinished(world: World, tail: list[IntentId] | None) -> list[str]:
    if tail is None:
        return [f"the session is not ready: {world.database.session}"]
    statuses = {one: world.database.status(one) for one in tail}
    return [
        f"the order {one} of the tail is {status}"
        for one, status in statuses.items()
        if status not in _FINAL and not _met_a_limit(world, one)
    ]


def _met_a_limit(world: World, one: IntentId) -> bool:
    """It was approved, and held back at its last word: the market had moved, and with it what a limit counts."""
    row = world.database.intents[one]
    return world.database.status(one) == "not_sent" and row.reason is not None and row.reason.code.startswith("risk.")


class _Keeper:
    """Runs the process again whenever it died: killed at its point, or ended by an error of the database; and another
    beside it, when its lease has run out while it stands still."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.random_of("keeper")
        self._kills: list[Kill] = list(world.plan.kills)
        self.died_of: list[str] = []

    async def run(self) -> None:
        world = self._world
        while True:
            has_faults = world.loop.time() < SAFETY_S
            kill = self._kills.pop(0) if self._kills and has_faults else None
            before = world.process
            process = world.start(kill)
            if world.seized.is_set():
                world.seized.clear()
                assert before is not None, "it was replaced"
                world.note_takeover(before)
            waiting = [asyncio.ensure_future(each.wait()) for each in (process.killed, world.seized)]
            await asyncio.wait([process.task, *waiting], return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
            if world.seized.is_set() and not process.task.done() and not process.is_dead:
                continue  # it goes on as long as it can
            if process.is_dispossessed:
                self.died_of.append(f"the owner of epoch {process.owning.epoch} was dispossessed by nobody")
            elif process.is_dead:
                world.crashes[process.killed_at] += 1
            else:
                self.died_of += _mistakes(process.task)
            await process.end()
            await asyncio.sleep(self._rng.uniform(*_RESTARTS_S))


def _mistakes(task: asyncio.Task[None]) -> list[str]:
    """Why a session ended by itself, unless it was the database."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, BaseExceptionGroup):
        _, others = error.split(DatabaseAway)
        return [] if others is None else [f"a session died of {others.exceptions!r}"]
    return [] if isinstance(error, DatabaseAway) else [f"a session ended by itself: {error!r}"]


def _digest(world: World) -> str:
    encode = msgspec.json.Encoder().encode
    said = hashlib.sha256()
    for entry in world.entries:
        said.update(encode(entry))
    for part in (world.database.events, world.database.requests.values(), world.wire.calls):
        for row in part:
            said.update(repr(row).encode())
    return said.hexdigest()
