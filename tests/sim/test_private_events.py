"""Private events in any order of arrival, repeated or dropped: what is held in the end is the same (promises C1, C2).

`make events ORDERS=10000` draws as many orders of arrival.
"""

from __future__ import annotations

import os
import random

from sim.private_events import Story, arrived, held, read, told
from tradewright.lab.virtual_loop import run_virtual

ORDERS = int(os.environ.get("ORDERS", "400"))
_STORIES = 20
_STORIES_DROPPED = _STORIES if ORDERS > 400 else 8


async def _in_order(seed: int, *, reading: bool) -> tuple[Story, dict[str, object]]:
    story = await told(seed)
    return story, held(await arrived(story, story.arrivals, reading=reading), wallet=reading)


def test_repeated_and_in_any_order_they_lead_to_the_same_end() -> None:
    async def scene(seed: int, orders: int) -> int:
        story, wanted = await _in_order(seed, reading=False)
        rng = random.Random(f"arrival:{seed}")
        for _ in range(orders):
            order = [*story.arrivals, *rng.choices([one for one in story.arrivals if _is_fact(one)], k=3)]
            rng.shuffle(order)
            found = held(await arrived(story, order, reading=False), wallet=False)
            assert found == wanted, (seed, order)
        return orders

    drawn = sum(run_virtual(scene(seed, ORDERS // _STORIES)) for seed in range(_STORIES))
    assert drawn == ORDERS // _STORIES * _STORIES
    print(f"events orders={drawn} stories={_STORIES} ended_otherwise=0")


def test_a_stream_that_drops_at_any_message_misses_no_execution_once_everything_was_read() -> None:
    """From each message on, one, some or all of the rest are lost; then the stream is back, and everything is read."""

    async def scene(seed: int) -> int:
        story, wanted = await _in_order(seed, reading=True)
        rng = random.Random(f"drop:{seed}")
        missed = 0
        executions = {fill.exec_id for _, fill in story.world.exchange.fills}
        for index in range(len(story.arrivals)):
            for end in sorted({index + 1, rng.randint(index + 1, len(story.arrivals)), len(story.arrivals)}):
                kept = [
                    one
                    for place, one in enumerate(story.arrivals)
                    if not index <= place < end or not _is_fact(one)  # an answer comes by another way
                ]
                database = await arrived(story, kept, reading=True)
                missed += len(executions - set(database.executions))
                assert held(database, wallet=True) == wanted, (seed, index, end)
        return missed

    assert sum(run_virtual(scene(seed)) for seed in range(_STORIES_DROPPED)) == 0


def test_one_reading_is_enough_and_another_of_the_same_tells_nothing() -> None:
    """Promise B2: whatever was lost before, the second reading of a quiet account writes no event and moves nothing."""

    async def scene(seed: int) -> int:
        story = await told(seed)
        rng = random.Random(f"loss:{seed}")
        for _ in range(10):
            kept = [one for one in story.arrivals if not _is_fact(one) or rng.random() < rng.choice((0.0, 0.5, 0.9))]
            rng.shuffle(kept)
            database = await arrived(story, kept, reading=True)
            before, told_by_then = held(database, wallet=True), list(database.events)
            await read(story, database)
            assert held(database, wallet=True) == before
            assert database.events == told_by_then, (seed, kept)
        return len(story.arrivals)

    assert sum(run_virtual(scene(seed)) for seed in range(_STORIES)) > 0


def test_the_stories_are_about_something() -> None:
    kinds: set[str] = set()
    for seed in range(_STORIES):
        story = run_virtual(told(seed))
        kinds |= {type(one).__name__ for one in story.arrivals}
        kinds |= {order.status for order in story.world.exchange.orders.values()}
    assert {"Ack", "RemoteOrder", "Execution", "RemotePosition", "Wallet"} <= kinds
    assert {"New", "PartiallyFilled", "Filled", "Cancelled"} <= kinds


def _is_fact(one: object) -> bool:
    return type(one).__name__ != "Ack"
