"""While the exchange answers nobody, one call tries and the others do not: failing calls must not become a storm.

Lives here: `Outage`, of one client. Not here: how often the same thing is tried (`trading.submission`, whoever reads),
refusals, which are answers.
What takes exposure away is never held back: it is rare, its tries are counted, and it may be what gets through.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tradewright.core.clock import Clock, Rng
from tradewright.core.errors import ExchangeError, ExchangeUnavailable, NotSent, OutcomeUnknown, ReadRefused
from tradewright.exchange.bybit.http import HeldBack, NotConnected
from tradewright.exchange.bybit.priority import Priority

FAILURES_MAX = 8  # in a row; then calls are held back
REST_FIRST_S = 0.5
REST_MAX_S = 3.0  # so that whoever waits for the exchange's return waits little longer
TROUBLE_CODES = frozenset({429, 5004, 10000, 10016, 500000})  # the exchange answers that it cannot answer


class Outage:
    """Counts failures in a row. After `FAILURES_MAX` one call in every pause may try; the pause doubles up to 3 s and
    half of it is drawn, so that many clients do not come back at once."""

    def __init__(self, clock: Clock, rng: Rng | None = None) -> None:
        self._clock = clock
        self._rng = rng
        self._failures = 0
        self._next_try_s = 0.0
        self._trial: asyncio.Event | None = None  # while one call tries; it ends by its own time limit

    @property
    def is_resting(self) -> bool:
        return self._failures >= FAILURES_MAX

    @contextlib.asynccontextmanager
    async def attempt(
        self, priority: Priority, error: type[NotSent] | type[ExchangeUnavailable]
    ) -> AsyncIterator[None]:
        """Around one call. Raises `error` without trying where it is not this call's turn to try.

        While another one tries it waits for that one's end: read side by side, the first to be held back would else end
        the very one that tries, again and again.
        """
        trial = None
        if priority > Priority.REDUCE:
            while self.is_resting and self._trial is not None:
                await self._trial.wait()
            if self.is_resting:
                left_s = self._next_try_s - self._clock.monotonic()
                if left_s > 0:
                    text = f"the exchange did not answer {self._failures} times in a row: tried again in {left_s:.1f} s"
                    raise error(text)
                trial = self._trial = asyncio.Event()
        try:
            yield
        except ExchangeError as problem:
            if is_trouble(problem):
                self._failed()
            elif problem.trace.http_status is not None:
                self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            if trial is not None:
                self._trial = None
                trial.set()

    def _failed(self) -> None:
        self._failures += 1
        pause_s: float = min(REST_MAX_S, REST_FIRST_S * 2 ** min(max(self._failures - FAILURES_MAX, 0), 10))
        drawn = 0.5 if self._rng is None else self._rng.random()
        self._next_try_s = self._clock.monotonic() + pause_s * (0.5 + 0.5 * drawn)


def is_trouble(problem: ExchangeError) -> bool:
    """Whether nobody answered, or somebody in between did, or the exchange said that it cannot."""
    if isinstance(problem, ReadRefused):
        return False
    if isinstance(problem, NotSent):
        # Without a connection or the exchange's clock; what was held back by us says nothing of the exchange.
        cause = problem.__cause__
        return isinstance(cause, NotConnected | ExchangeUnavailable) and not isinstance(cause, HeldBack)
    trace = problem.trace
    if trace.http_status is None:
        return isinstance(problem, ExchangeUnavailable | OutcomeUnknown)
    if trace.http_status == 200:
        return trace.ret_code is None or trace.ret_code in TROUBLE_CODES
    return trace.http_status == 429 or trace.http_status >= 500
