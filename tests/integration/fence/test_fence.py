"""An owner that is stopped, replaced and let go on: nothing of it is accepted by the exchange after the takeover.

`make fence CYCLES=50` draws other moments. What is checked is the exchange's own log, by the machine's clock, against
the epochs under which the workers wrote their requests down.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.fence.world import FenceWorld, Worker

# The last moments before the bytes, in which only the signature's age can still hold a request back, and others.
_POINTS = ("request.passed", None, "request.signed", "request.passed", None, "request.committed")


async def test_nothing_of_an_old_owner_is_accepted_after_the_takeover(
    request: pytest.FixtureRequest, engine: AsyncEngine, database_url: str, open_home: Path
) -> None:
    cycles: int = request.config.getoption("--fence-cycles")
    rng = random.Random(f"fence:{cycles}")
    ends_ms: dict[str, float] = {}  # when the next one became the owner, by the process that owned before
    late_expected = 0
    async with FenceWorld.open(engine, database_url, open_home) as world:
        owner, by_itself = await _start(world, 0, rng)
        await world.until_ready(owner)
        for cycle in range(1, cycles + 1):
            if not by_itself:
                await asyncio.sleep(rng.uniform(0.2, 1.5))
            await world.stop(owner, by_itself=by_itself)
            late_expected += _POINTS[(cycle - 1) % len(_POINTS)] == "request.passed"
            successor, successor_by_itself = await _start(world, cycle, rng, is_last=cycle == cycles)
            began_at = await world.until_ready(successor)
            pid = owner.process.pid
            assert await world.let_go_on(owner) != 0, owner.says()
            ends_ms[f"{pid}@"] = began_at.timestamp() * 1000
            owner, by_itself = successor, successor_by_itself
        arrived = await asyncio.to_thread(world.arrived)  # first: the last owner goes on sending meanwhile
        sent, processes = await world.sent(), await world.process_of_epochs()

    late, accepted_late, accepted = 0, [], 0
    for one in arrived:
        epochs = sent[one.link_id]
        assert len(epochs) == 1, f"{one.link_id} was sent under {epochs}"
        process = processes[next(iter(epochs))]
        end_ms = ends_ms.get(process.partition("@")[0] + "@", float("inf"))
        accepted += one.code == 0
        late += one.wall_ms > end_ms
        if one.code == 0 and one.wall_ms > end_ms:
            accepted_late.append(one)
    stopped_at = Counter(_POINTS[cycle % len(_POINTS)] or "anywhere" for cycle in range(cycles))
    print(
        f"fence cycles={cycles} accepted={accepted} late={late} accepted_late={len(accepted_late)}"
        f" stopped_at={dict(stopped_at)}"
    )
    assert accepted_late == []
    assert accepted > cycles * 5, "there was traffic under each owner"
    assert late >= late_expected, "requests of old owners did arrive, and were refused for their age"


async def _start(world: FenceWorld, cycle: int, rng: random.Random, *, is_last: bool = False) -> tuple[Worker, bool]:
    point = None if is_last else _POINTS[cycle % len(_POINTS)]
    return await world.start(stop_at=None if point is None else f"{point}:{rng.randint(5, 30)}"), point is not None
