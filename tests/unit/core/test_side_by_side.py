"""Several coroutines at once: all or nothing, and a cancel is never forgotten."""

from __future__ import annotations

import asyncio

import pytest

from tradewright.core.side_by_side import side_by_side


async def _after(turns: int, found: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return found


async def _fail() -> int:
    raise ConnectionError("gone")


async def test_what_all_of_them_found_comes_in_their_order() -> None:
    assert await side_by_side([_after(3, 1), _after(1, 2), _after(2, 3)]) == [1, 2, 3]
    assert await side_by_side([]) == []


async def test_the_first_failure_ends_the_others_and_is_raised() -> None:
    ended = asyncio.Event()

    async def waits() -> int:
        try:
            return await _after(10_000, 1)
        finally:
            ended.set()

    with pytest.raises(ConnectionError):
        await side_by_side([waits(), _fail()])
    assert ended.is_set()


async def test_a_cancel_is_not_forgotten_where_one_of_them_fails_of_it() -> None:
    """As a call does whose connection is lost in the moment it is cancelled: a task group would raise the failure."""

    async def fails_of_it() -> int:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise ConnectionError("gone") from None
        return 0

    tries = 0

    async def retries() -> None:
        nonlocal tries
        while True:
            tries += 1
            try:
                await side_by_side([fails_of_it(), fails_of_it()])
            except ConnectionError:
                continue

    task = asyncio.create_task(retries())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert tries == 1
