"""The keeper of an arming: what it tells the gate, what it writes down, whom it tells, and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from tradewright.core.risk import Effective
from tradewright.trading.arming.gate import ArmingRule
from tradewright.trading.arming.keeper import ArmingKeeper
from tradewright.trading.arming.model import Arming, ArmingEnd, Standing
from unit.trading.test_arming import LIMITS, STANDING, place

NOBODY = replace(STANDING, arming=None, left_s=0.0)


class Kept:
    """Where a keeper's arming is stored: what stands is the test's."""

    def __init__(self, standing: Standing) -> None:
        self.stands = standing
        self.is_away = False
        self.lapsed: list[tuple[Arming, ArmingEnd]] = []
        self.told = 0

    async def standing(self) -> Standing:
        if self.is_away:
            raise OperationalError("SELECT", {}, Exception("away"))
        return self.stands

    async def lapse(self, arming: Arming, why: ArmingEnd) -> None:
        self.lapsed.append((arming, why))
        self.stands = NOBODY

    async def tell(self) -> None:
        self.told += 1


class Watch:
    """A keeper that looks when the test says so."""

    def __init__(self, standing: Standing, *, real_trading: bool = True) -> None:
        self.now_s = 100.0
        self.latches = 0
        self.kept = Kept(standing)
        self.woken = 0
        self._turn = asyncio.Event()
        self._looked = asyncio.Event()
        clock: Any = SimpleNamespace(monotonic=lambda: self.now_s, sleep=self._sleep)
        self.rule = ArmingRule(
            clock, real_trading=True, limits=lambda: Effective(LIMITS, {}), latches=lambda: self.latches
        )
        self._keeper = ArmingKeeper(
            self.rule, self.kept, clock, real_trading=real_trading, latches=lambda: self.latches
        )

    async def _sleep(self, seconds: float) -> None:
        assert seconds == 1.0, "what somebody else ended is known a second later, and the tables are left in peace"
        self._looked.set()
        self._turn.clear()
        await self._turn.wait()

    async def look(self) -> str | None:
        """One more look; what is said to an order that opens then."""
        if not hasattr(self, "_task"):
            session: Any = SimpleNamespace(account=SimpleNamespace(id="a"), wake=self._wake)
            self._task = asyncio.get_running_loop().create_task(self._keeper.run(session))
        else:
            self._looked.clear()
            self._turn.set()
        waiting = asyncio.ensure_future(self._looked.wait())
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED, timeout=5)
        assert waiting.done(), "the keeper has ended" if self._task.done() else "it does not look"
        found = self.rule.judge(place())
        return None if found is None else getattr(found, "code", None) or "held"

    def _wake(self) -> None:
        self.woken += 1

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def test_an_arming_that_stands_opens_the_gate_and_is_told_to_nobody_who_knows_it() -> None:
    watch = Watch(STANDING)
    assert await watch.look() is None
    assert (watch.kept.told, watch.woken) == (0, 1)  # what waited for the first look may go
    assert await watch.look() is None
    assert (watch.kept.told, watch.woken, watch.kept.lapsed) == (0, 1, [])
    await watch.end()


async def test_the_gate_knows_how_long_it_stands_from_before_it_was_read() -> None:
    watch = Watch(replace(STANDING, left_s=3.0))
    assert await watch.look() is None
    watch.now_s += 2.999
    assert watch.rule.judge(place()) is None
    watch.now_s += 0.001
    assert getattr(watch.rule.judge(place()), "code", None) == "account.not_armed"
    await watch.end()


async def test_without_an_arming_nothing_opens_and_there_is_nothing_to_write() -> None:
    watch = Watch(NOBODY)
    assert await watch.look() == "account.not_armed"
    assert (watch.kept.told, watch.woken, watch.kept.lapsed) == (0, 1, [])
    assert await watch.look() == "account.not_armed"
    assert (watch.kept.told, watch.woken) == (0, 1)
    await watch.end()


async def test_an_arming_that_comes_and_one_that_goes_are_told_and_what_waits_is_woken() -> None:
    watch = Watch(NOBODY)
    await watch.look()
    watch.kept.stands = STANDING
    assert await watch.look() is None
    assert (watch.kept.told, watch.woken) == (1, 2)
    watch.kept.stands = NOBODY
    assert await watch.look() == "account.not_armed"
    assert (watch.kept.told, watch.woken) == (2, 3)
    assert STANDING.arming is not None
    watch.kept.stands = replace(STANDING, arming=replace(STANDING.arming, id=uuid4()))
    await watch.look()
    watch.kept.stands = STANDING  # another one took its place
    assert await watch.look() is None
    assert (watch.kept.told, watch.woken) == (4, 5)
    await watch.end()


async def test_one_that_is_over_closes_the_gate_and_is_written_down_once() -> None:
    watch = Watch(STANDING)
    await watch.look()
    watch.kept.stands = replace(STANDING, is_killed=True)
    assert await watch.look() == "account.not_armed"
    assert watch.kept.lapsed == [(STANDING.arming, "killed")]
    assert watch.woken == 2
    assert watch.kept.told == 0  # its end tells by itself
    await watch.look()
    assert (len(watch.kept.lapsed), watch.woken, watch.kept.told) == (1, 2, 0)
    await watch.end()


async def test_an_arming_that_is_found_over_at_the_first_look_opens_nothing_either() -> None:
    watch = Watch(STANDING, real_trading=False)
    assert await watch.look() == "account.not_armed"
    assert [why for _, why in watch.kept.lapsed] == ["real_trading_off"]
    assert watch.woken == 1
    await watch.end()


async def test_while_it_cannot_be_read_what_was_known_grows_old_and_the_next_look_opens_again() -> None:
    watch = Watch(STANDING)
    assert await watch.look() is None
    watch.kept.is_away = True
    watch.now_s += 3.0
    assert await watch.look() is None
    watch.now_s += 3.0
    assert await watch.look() == "held"
    watch.kept.is_away = False
    assert await watch.look() is None
    await watch.end()


@pytest.mark.parametrize("moved", [1, 2])
async def test_latches_are_those_of_before_the_reading(moved: int) -> None:
    watch = Watch(STANDING)
    standing = watch.kept.standing

    async def slowly() -> Standing:
        watch.latches += moved  # pulled while it was read
        return await standing()

    watch.kept.standing = slowly  # type: ignore[method-assign]
    assert await watch.look() == "held"
    await watch.end()
