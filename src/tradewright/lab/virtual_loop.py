"""An asyncio loop in virtual time: when nothing is ready, its clock jumps to the next timer.

Lives here: `VirtualLoop`, the ports `VirtualClock` and `SeededIds` on it, and `run_virtual`. A minute of trading takes
milliseconds, and nothing of it depends on the machine's clock: the same seed gives the same run.
Not here: connections on it (`network`).
"""

from __future__ import annotations

import asyncio
import itertools
import random
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from tradewright.core.clock import milliseconds
from tradewright.core.ids import uuid7

EPOCH = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # virtual second 0

_T = TypeVar("_T")


class NothingToWaitFor(Exception):
    """Every task waits, and no timer will ever wake one: the run would hang for ever."""


class StandsStill(Exception):
    """Tasks wake one another without end, and no time passes: on a real machine this would be a core at 100 %."""


TURNS_MAX = 200_000  # of the loop within one moment; the busiest moments of the seeded runs have some thousands


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: it moves the time forward by what it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._turns = 0  # within this moment

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        if self._turns > TURNS_MAX:
            raise StandsStill(f"at virtual second {self.now_s:.3f}")
        # With nothing but the loop's own pipe to listen to, the system need not be asked.
        ready = super().select(0) if len(self._readers) > 1 or self._writers else []  # type: ignore[attr-defined]
        if ready:
            return ready
        if timeout is None:
            raise NothingToWaitFor(f"at virtual second {self.now_s:.3f}")
        if timeout > 0:
            self.now_s += timeout
            self._turns = 0
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return super().get_map()


class _NumberedTask(asyncio.Task[Any]):
    """A group cancels its tasks in the order of a set, which is that of their hashes: by their number it is the same in
    each run, and by their place in memory, as tasks have it, it is not."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **named: Any) -> None:
        self._number = number
        super().__init__(coroutine, **named)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9
        numbers = itertools.count()
        self.set_task_factory(
            lambda loop, coroutine, **named: _NumberedTask(next(numbers), coroutine, loop=loop, **named)
        )

    def time(self) -> float:
        return self._jumping.now_s


class VirtualClock:
    """The port `Clock` on the running virtual loop. `offset` sets its wall time apart, as a machine's clock may be."""

    def __init__(self, loop: asyncio.AbstractEventLoop, offset: timedelta = timedelta(0)) -> None:
        self._loop = loop
        self._offset = offset

    def now(self) -> datetime:
        # Whole microseconds: a float second has no exact decimal form, and times are compared exactly.
        return EPOCH + self._offset + timedelta(microseconds=round(self._loop.time() * 1e6))

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SeededIds:
    """The port `Ids`: the same ids for the same seed."""

    def __init__(self, clock: VirtualClock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng

    def new(self) -> UUID:
        return uuid7(milliseconds(self._clock.now()), self._rng.getrandbits(74))


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs a coroutine to its end in virtual time, on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
