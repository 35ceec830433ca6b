"""What can be wrong with candles and funding, each kind with how often and where first.

Lives here: the codes, `CandleFault`, and `BadCandles`, which carries every kind that was found in one file.
Not here: finding them (`judging`), how a command prints them (`cli`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tradewright.core.errors import AppError

CandleCode = Literal[
    "bad_file", "no_candles", "wrong_timeframe", "disorder", "duplicate", "gap", "bad_candle", "conflict"
]
TIMES_TOLD_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFault:
    """One kind of fault. `times`: the first twenty open times (Unix ms) at which it is; of a gap the first bar missing.

    `count`: how many bars have it; of gaps the number of places, each of one or more missing bars. A fault of the file
    as a whole has count 1 and no times.
    """

    code: CandleCode
    message: str
    count: int = 1
    times: tuple[int, ...] = ()

    def of(self, name: str) -> CandleFault:
        """The same, told with the name of the file."""
        return replace(self, message=f"{name}: {self.message}")

    def as_json(self) -> dict[str, object]:
        """The candle error of a report: `code`, `message`, `count`, `times`."""
        return {"code": self.code, "message": self.message, "count": self.count, "times": list(self.times)}


class BadCandles(AppError):
    """The candles (or the funding) cannot be used; nothing was changed. `faults` has every kind found, the gravest
    first; `code` (a `CandleCode`), `message`, `count` and `times` are the first one's. Commands exit 3."""

    def __init__(self, faults: Sequence[CandleFault]) -> None:
        first = faults[0]
        super().__init__(first.message)
        self.faults = tuple(faults)
        self.code = first.code  # type: ignore[misc]  # each fault has its own, which the contract names
        self.message = first.message
        self.count = first.count
        self.times = first.times


class CannotOpen(AppError):
    """The file is not there, or may not be read. Commands exit 64; no page ever shows it."""


def bad_file(message: str) -> BadCandles:
    """The file as a whole cannot be read as what it should be."""
    return BadCandles([CandleFault(code="bad_file", message=message)])
