"""Differences in a run: the real keeper beside each session, a person who decides of each, and what must hold.

Lives here: `with_differences`, `Decider`, and the checks: nothing opens on a symbol with an open difference, each
decision is carried out once. Not here: who places what is foreign (`people.Stranger`), the rows' twin
(`sim.memory_differences`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sim.memory_differences import MemoryDifferences, decide
from sim.whole.faults import SAFETY_S
from sim.whole.wire import Call
from tradewright.core.instrument import InstrumentId
from tradewright.lab.memory_database import DifferenceRow
from tradewright.trading.differences.keeper import DifferenceKeeper
from tradewright.trading.differences.model import BLOCKING, choices
from tradewright.trading.session_parts import SessionParts

if TYPE_CHECKING:
    from sim.whole.world import World

_LOOK_S: Final = 0.25
_KNOWN_AFTER_S: Final = 0.5  # by when whoever sends knows of a difference that was written down
_DECIDES_UNTIL_S: Final = SAFETY_S + 20
_WORDS: Final = {"adopt": "adopted", "ignore": "ignored", "close": "closed"}


def with_differences(world: World, parts: SessionParts, step: Callable[[str], Awaitable[None]]) -> SessionParts:
    keeper = DifferenceKeeper(world.make_differences(MemoryDifferences(world.database, step)), world.machine_clock)
    world.keeper = keeper
    return replace(parts, rules=[*parts.rules, keeper], companions=[*parts.companions, keeper])


class Decider:
    """Sees what waits on the page, thinks for a while, and decides. `since_s` is when each was first seen."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._thinks_until_s: dict[UUID, float] = {}

    async def live(self) -> None:
        world = self._world
        while world.loop.time() < _DECIDES_UNTIL_S:
            now_s = world.loop.time()
            for row in list(world.database.differences):
                if row.state != "open":
                    world.waits_since_s.pop(row.id, None)
                    continue
                world.waits_since_s.setdefault(row.id, now_s)
                due_s = self._thinks_until_s.setdefault(row.id, now_s + self._rng.uniform(0.5, 8))
                if now_s >= due_s:
                    self._decide(row)
            await asyncio.sleep(_LOOK_S)

    def _decide(self, row: DifferenceRow) -> None:
        allowed = choices(row.kind, row.state, row.part, None)
        if not allowed:
            return
        decision = self._rng.choice(allowed)
        decide(self._world.database, row.id, decision, version=row.version, always=self._rng.random() < 0.2)
        self._thinks_until_s.pop(row.id)
        self._world.waits_since_s.pop(row.id, None)
        self._world.struck[_WORDS[decision]] += 1


def breaks_block(world: World, call: Call) -> str | None:
    """Why an order that opens must not have left: a difference of its symbol waits for a person."""
    if call.body.get("reduceOnly"):
        return None
    now_s = world.loop.time()
    named = InstrumentId(call.body["category"], call.body["symbol"])
    for row in world.database.differences:
        since_s = world.waits_since_s.get(row.id)
        if since_s is None or row.state != "open" or row.kind not in BLOCKING or row.instrument != named:
            continue
        if now_s - since_s > _KNOWN_AFTER_S:
            return f"an opening order left while {row.kind} {row.subject} waited for {now_s - since_s:.1f} s"
    return None


def judge_differences(world: World) -> Iterator[str]:
    """Once the faults are over: what was decided was done once, and a symbol is blocked only by what waits."""
    if world.keeper is None:
        return
    rows = world.database.differences
    yield from (
        f"the difference {row.kind} {row.subject} is still to be closed" for row in rows if row.state == "closing"
    )
    waits = {row.instrument for row in rows if row.state in ("open", "closing") and row.kind in BLOCKING}
    if world.keeper.blocked != waits:
        yield f"{sorted(map(str, world.keeper.blocked))} is blocked, and {sorted(map(str, waits))} has a difference"
    for row in rows:
        order = world.engine.account.orders.get(row.subject)
        if row.state == "closed" and order is not None and order.is_live:
            yield f"the difference {row.subject} is called closed, and its order is open"
        if row.decision == "close":
            sent = [
                each
                for each in world.database.intents.values()
                if each.source == "drift" and each.target_id == row.order_id and each.state == "acknowledged"
            ]
            if len(sent) > 1:
                yield f"the difference {row.subject} was closed {len(sent)} times"


def closed_by_hand(world: World) -> set[str]:
    """Foreign orders that a person had closed."""
    return {row.subject for row in world.database.differences if row.decision == "close"}
