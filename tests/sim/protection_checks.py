"""For how long positions really stood without the stop of their plan, by the exchange's own word.

Lives here: `StopWatch`, which is shown each moment of a run, and `naked_beyond`, one sentence for each position that
stood longer than was promised. Not here: what the guardian says of it (`database.protection_news`).

Only time counts in which somebody could do something: an owner that is ready, or was and has only lost its stream, and
an exchange that answers it. Other time neither counts nor ends what has begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from tradewright.trading.guardian.model import GuardSettings

# What may come on top of the stated times while faults last: an outcome that is unknown for its whole window (21 s) and
# is looked at every two seconds, before another close may follow, twice; and a pass of the guardian each.
MARGIN_S = 50.0
# Without faults: a reading, the close and its fill.
QUIET_MARGIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Moment:
    """`size` is signed; `stop` None: the exchange has none. `is_planned`: it should have one. `is_served`: somebody
    could do something about it."""

    at_s: float
    size: Decimal
    stop: Decimal | None
    is_planned: bool
    is_served: bool


@dataclass(slots=True)
class StopWatch:
    """Of one position. `spans_s`: how long each time without a stop was, without what did not count."""

    spans_s: list[float] = field(default_factory=list)
    _last: Moment | None = None
    _naked_s: float | None = None

    def see(self, now: Moment) -> None:
        last, self._last = self._last, now
        if now.size == 0 or now.stop is not None or not now.is_planned:
            self.end()
            return
        if self._naked_s is None or (last is not None and (last.size > 0) != (now.size > 0)):
            self.end()
            self._naked_s = 0.0
        elif last is not None and last.is_served and now.is_served:
            self._naked_s += now.at_s - last.at_s

    def end(self) -> None:
        if self._naked_s is not None:
            self.spans_s.append(self._naked_s)
            self._naked_s = None

    async def run(self, look: Callable[[], Moment], every_s: float = 0.25) -> None:
        """Until cancelled; nothing is drawn and nothing is changed, so that a run is the same with and without it."""
        while True:
            self.see(look())
            await asyncio.sleep(every_s)


def naked_beyond(watch: StopWatch, settings: GuardSettings, margin_s: float = MARGIN_S) -> list[str]:
    """What stood for longer than grace, stated time and margin together; what goes on now counts too."""
    limit_s = settings.grace_s + settings.flatten_after_s + margin_s
    watch.end()
    return [f"a position stood {span_s:.1f} s without its stop" for span_s in watch.spans_s if span_s > limit_s]
