"""Workers that are killed in the middle of a reading of the account, again and again, while the account goes on.

`python -m sim.whole.reading_kills KILLS`. One night: no faults but kills; between two lives orders fill, a person asks
for more and a stranger trades. A life dies at a drawn step of its first reading: before or after a commit, at a named
point, or as a request of it leaves. In the end everything is as the exchange has it, each fill is there and was told
once, each difference was told once, and the books tie out (promise B6).
Lives here: such a night, many of them, and their line. Not here: what must hold in any night (`checkers`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sim.whole.bookkeeping import judge_books
from sim.whole.campaign import quiet
from sim.whole.checkers import WORDS, Findings, check, unsettled
from sim.whole.faults import FaultPlan, Kill, OwnFaults, WireFaults
from sim.whole.nights import Night
from sim.whole.people import Person, Stranger
from sim.whole.process import Process
from sim.whole.watching import watch_sends
from sim.whole.wire import Call, FaultyWire
from sim.whole.world import World
from tradewright.lab.network import run_networked

KILLS_A_NIGHT: Final = 20
_PEACE: Final = FaultPlan(constant=(), moments=(), wire=WireFaults(), own=OwnFaults(), kills=())
_READ_WITHIN_S: Final = 30.0  # virtual, as all that follows
_SETTLED_WITHIN_S: Final = 60.0
_LIVES_A_KILL: Final = 6  # more lives than that for a kill, and the night is not about kills
_FIRST_LENGTH: Final = 40  # steps of a reading, until one was seen
_WHOLE_SHARE: Final = 0.35  # of the lives: they read everything, and then trade for a while
_RESTING: Final = 2  # orders near the market, in each life that reads everything
_JOLTED_SHARE: Final = 0.7
_JOLT: Final = 300  # USDT
# Where a life must have died, in a campaign of a thousand kills or more.
MUST_DIE_AT: Final = (
    "reading.begun", "reading.half_applied", "reading.applied", "book.before", "book.after",
    "/v5/order/realtime", "/v5/order/history", "/v5/execution/list", "/v5/position/list", "/v5/account/wallet-balance",
)  # fmt: skip
ALL_ARE_MET_FROM: Final = 1_000


class ReadingProcess(Process):
    """Dies at the so-manieth step of its reading; None: it is not killed."""

    def __init__(self, world: World, dies_at: int | None) -> None:
        self._dies_at = dies_at
        self._is_reading = False
        self.steps = 0
        self.has_read = asyncio.Event()
        super().__init__(world, None)

    def _is_fatal(self, point: str) -> bool:
        if point == "reading.begun":
            self._is_reading = True
        is_fatal = self._step()
        if point == "reading.applied":
            self._is_reading = False
            self.has_read.set()
        return is_fatal

    def _step(self) -> bool:
        self.steps += self._is_reading
        return self._is_reading and self.steps == self._dies_at

    def note_call(self, call: Call) -> None:
        """A request has left."""
        if not self.is_dead and self._step():
            self._die(call.path)


class ReadingWorld(World):
    """`dies_at` is for the next life."""

    def __init__(self, seed: int, wire: FaultyWire) -> None:
        super().__init__(seed, _PEACE, wire)
        self.night = Night(keeps_books=True)
        self.dies_at: int | None = None

    def start(self, kill: Kill | None = None) -> ReadingProcess:
        self.lives += 1
        self.process = process = ReadingProcess(self, self.dies_at)
        return process


@dataclass(frozen=True, slots=True)
class NightReport:
    seed: int
    deaths: Counter[str]
    found: Findings
    fills: int

    @property
    def problems(self) -> list[str]:
        return [f"{word}: {text}" for word, texts in self.found.items() for text in texts]


def run_night(seed: int, kills: int = KILLS_A_NIGHT, world_class: type[ReadingWorld] = ReadingWorld) -> NightReport:
    wire = FaultyWire(random.Random(f"{seed}:wire"))
    report: NightReport = run_networked(_run(world_class, seed, wire, kills), wire)
    return report


async def _run(world_class: type[ReadingWorld], seed: int, wire: FaultyWire, kills: int) -> NightReport:
    world = world_class(seed, wire)
    await world.open()
    try:
        return await _live(world, kills)
    finally:
        await world.close()


async def _live(world: ReadingWorld, kills: int) -> NightReport:
    _watch_calls(world)
    rng = world.random_of("lives")
    person, stranger = Person(world, world.random_of("person")), Stranger(world, world.random_of("stranger"))
    moving = asyncio.create_task(world.market.move())
    length = _FIRST_LENGTH
    while world.crashes.total() < kills:
        assert world.lives < kills * _LIVES_A_KILL, f"{world.crashes.total()} kills in {world.lives} lives"
        world.dies_at = None if rng.random() < _WHOLE_SHARE else rng.randint(1, length)
        process = world.start()
        if await _dies(process):
            world.crashes[process.killed_at] += 1
        else:
            length = process.steps
            for _ in range(_RESTING):
                person.limit_order(time_in_force="GTC", price=world.price + 10 * rng.randint(-20, 20))
            await _trade(world, person, stranger, rng)
        await process.end()
        await _trade(world, person, stranger, rng)
    world.dies_at = None
    await _dies(world.start())
    settled_s = await _settle(world)
    moving.cancel()
    await asyncio.sleep(2.0)  # what the last step of the market did is told
    found = check(world, stranger)
    found["diverged"] += [*await judge_books(world), *_told_twice(world)]
    found["stuck"] += [] if settled_s is not None else [f"it is not ready and settled after {_SETTLED_WITHIN_S} s"]
    return NightReport(world.seed, world.crashes, found, len(world.database.executions))


def _watch_calls(world: ReadingWorld) -> None:
    watch_sends(world)
    judge = world.wire.watch

    def watch(call: Call) -> None:
        judge(call)
        if isinstance(world.process, ReadingProcess) and call.epoch == world.process.owning.epoch:
            world.process.note_call(call)

    world.wire.watch = watch


async def _dies(process: ReadingProcess) -> bool:
    """Whether it died in its reading; else it has read everything."""
    waiting = [asyncio.ensure_future(one.wait()) for one in (process.killed, process.has_read)]
    done, _ = await asyncio.wait(waiting, timeout=_READ_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    assert done, f"nothing was read within {_READ_WITHIN_S} s"
    return process.killed.is_set()


async def _trade(world: ReadingWorld, person: Person, stranger: Stranger, rng: random.Random) -> None:
    """A while goes by, with a worker or without: some things are asked for, and a jolt of the market fills what rests
    near it."""
    for _ in range(rng.randint(0, 3)):
        await asyncio.sleep(rng.uniform(0.05, 0.6))
        if rng.random() < 0.9:
            person.act()
        else:
            stranger.act()
    await asyncio.sleep(rng.uniform(0.05, 0.6))
    if rng.random() < _JOLTED_SHARE:
        price = str(world.price + rng.randint(-_JOLT, _JOLT))
        world.market.trade(price, "5.000")
        world.market.quote(bid=price, ask=str(Decimal(price) + Decimal("0.1")))
        await asyncio.sleep(rng.uniform(0.5, 1.0))


async def _settle(world: ReadingWorld) -> float | None:
    """How long it took until the session was ready and no intent without its outcome."""
    began_s = world.loop.time()
    while world.database.session[0] != "ready" or unsettled(world):
        if world.loop.time() - began_s > _SETTLED_WITHIN_S:
            return None
        await asyncio.sleep(0.25)
    return world.loop.time() - began_s


def _told_twice(world: World) -> Iterator[str]:
    """A foreign order is a difference once, however many readings began to see it."""
    told = Counter(
        event.payload["subject"]
        for event in world.database.events
        if event.kind == "drift" and event.payload["kind"] == "order.foreign"
    )
    yield from (f"the foreign order {subject} was told {count} times" for subject, count in told.items() if count > 1)


def _quiet_night(seed: int) -> NightReport:
    quiet()
    return run_night(seed)


def main(arguments: Sequence[str]) -> int:
    kills = int(arguments[0])
    nights = -(-kills // KILLS_A_NIGHT)
    deaths: Counter[str] = Counter()
    found: Counter[str] = Counter()
    fills = 0
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for report in pool.imap_unordered(_quiet_night, range(nights)):
            deaths += report.deaths
            found += Counter({word: len(texts) for word, texts in report.found.items()})
            fills += report.fills
            if report.problems:
                print(f"night {report.seed}:", *report.problems, sep="\n  ", file=sys.stderr, flush=True)
    missed = [point for point in MUST_DIE_AT if not deaths[point]] if kills >= ALL_ARE_MET_FROM else []
    if missed:
        print(f"nobody died at: {', '.join(missed)}", file=sys.stderr)
    words = " ".join(f"{word}={found[word]}" for word in WORDS)
    points = ", ".join(f"{point}: {count}" for point, count in sorted(deaths.items()))
    print(f"kills-reading kills={deaths.total()} nights={nights} {words} fills={fills} died_at={{{points}}}")
    return 1 if found.total() or missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
