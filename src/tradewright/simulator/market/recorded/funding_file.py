"""A recording of funding rates, which goes beside the prices of the same contract.

Lives here: the check, and which rate is due when. Not here: paying it (the account).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from tradewright.simulator.market.errors import RecordingError
from tradewright.simulator.market.intervals import DAY_MS, MINUTE_MS
from tradewright.simulator.market.recorded.rows import MOMENT, Rows, Shape, fault_in, require_order

COLUMNS: Final = ("funding_time_ms", "funding_rate")
_ROW: Final = re.compile(rb"(\d{1,15}),(-?0(?:\.\d{1,30})?)")
_SHAPES: Final[dict[str, Shape]] = {
    "funding_time_ms": MOMENT,
    "funding_rate": (re.compile(rb"-?0(?:\.\d{1,30})?").fullmatch, "a fraction such as 0.0001 or -0.002, below 1"),
}


class RecordedRate(NamedTuple):
    """One row: the fraction of a position's value that was due."""

    time_ms: int
    rate: Decimal


class FundingFile(Rows):
    """Rates by the time at which they were due."""

    __slots__ = ("interval_min",)

    kind = "funding"

    def __init__(self, *, name: str, lines: list[bytes], times: array[int]) -> None:
        super().__init__(name=name, lines=lines, times=times)
        step_ms = min((after - before for before, after in pairwise(times)), default=8 * 60 * MINUTE_MS)
        # A day is the longest interval that exists; a shorter step than a minute is noise in the recorded moments.
        self.interval_min = max(1, min(step_ms, DAY_MS) // MINUTE_MS)

    def row(self, index: int) -> RecordedRate:
        return RecordedRate(self._times[index], Decimal(self._lines[index].split(b",")[1].decode("ascii")))

    def after(self, ms: int) -> RecordedRate | None:
        """The next one due after `ms`."""
        index = self.index_at(ms + 1)
        return self.row(index) if index < len(self) else None


def funding_of(path: str, lines: Sequence[bytes]) -> FundingFile:
    """Check the lines of a recording of funding, the header first. Raises `RecordingError`."""
    rows = list(lines[1:])
    if not rows:
        raise RecordingError(f"{path} has 0 rows; at least 1 funding rate is needed")
    times = array("q")
    for number, line in enumerate(rows, start=2):
        match = _ROW.fullmatch(line)
        if match is None:
            raise RecordingError(f"{path}, line {number}: {fault_in(line, _SHAPES)}")
        times.append(int(match[1]))
        require_order(path, number, "funding_time_ms", times[-1], times[-2] if len(times) > 1 else -1, strictly=True)
    return FundingFile(name=path, lines=rows, times=times)
