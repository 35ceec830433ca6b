"""Two sets of candles of one series become one; where they contradict each other it is told, not guessed.

Lives here: the merge, over columns. Not here: files and locks (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tradewright.market.history.faults import TIMES_TOLD_MAX, BadCandles, CandleFault
from tradewright.market.history.rows import BARS_MAX, COLUMNS, PRICES, Rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OnConflict = Literal["refuse", "keep", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`rows`: everything, oldest first. `added`: bars that were not there. `equal`: those that said the same.
    `conflicts`: those that said something else; kept or replaced as was wanted."""

    rows: Rows
    added: int
    equal: int
    conflicts: int


def merged(old: Rows, new: Rows, on_conflict: OnConflict) -> Merged:
    """Both must be in order. A turnover that one side lacks contradicts nothing, and is taken from the other.

    Raises `BadCandles` (`conflict`) where they differ and `on_conflict` is "refuse"; too many bars are a `bad_file`.
    """
    import numpy as np

    place = np.searchsorted(old.open_time_ms, new.open_time_ms)
    is_known = np.zeros(len(new), dtype=np.bool_)
    inside = place < len(old)
    is_known[inside] = old.open_time_ms[place[inside]] == new.open_time_ms[inside]
    where = place[is_known]
    again = new.take(is_known)
    differs = _differs(old.take(where), again)
    if differs.any() and on_conflict == "refuse":
        raise BadCandles([_conflict(old.take(where[differs]), again.take(differs))])

    columns = {name: getattr(old, name).copy() for name in COLUMNS}
    if on_conflict == "replace":
        for name in (*PRICES, "volume"):
            columns[name][where] = getattr(again, name)
    wins = ~np.isnan(again.turnover) & np.isnan(columns["turnover"][where])
    if on_conflict == "replace":
        wins |= differs
    columns["turnover"][where[wins]] = again.turnover[wins]

    fresh = new.take(~is_known)
    if len(old) + len(fresh) > BARS_MAX:
        message = f"that would be {len(old) + len(fresh)} bars; a series has at most {BARS_MAX}"
        raise BadCandles([CandleFault(code="bad_file", message=message)])
    together = {name: np.concatenate([columns[name], getattr(fresh, name)]) for name in COLUMNS}
    rows = Rows(**together)
    return Merged(
        rows=rows.take(np.argsort(rows.open_time_ms, kind="stable")),
        added=len(fresh),
        equal=int(len(again) - differs.sum()),
        conflicts=int(differs.sum()),
    )


def _differs(old: Rows, new: Rows) -> NDArray[np.bool_]:
    import numpy as np

    unlike = [getattr(old, name) != getattr(new, name) for name in (*PRICES, "volume")]
    both_known = ~np.isnan(old.turnover) & ~np.isnan(new.turnover)
    unlike.append(both_known & (old.turnover != new.turnover))
    found: NDArray[np.bool_] = np.logical_or.reduce(unlike)
    return found


def _conflict(old: Rows, new: Rows) -> CandleFault:
    cells = [
        f"{name} {getattr(old, name)[0]!s} there and {getattr(new, name)[0]!s} here"
        for name in (*PRICES, "volume", "turnover")
        if getattr(old, name)[0] != getattr(new, name)[0]
    ]
    return CandleFault(
        code="conflict",
        message=(
            f"{len(new)} bars contradict those that are there; the first, at {new.open_time_ms[0]}: {', '.join(cells)}."
            " Say --on-conflict keep or --on-conflict replace"
        ),
        count=len(new),
        times=tuple(int(time) for time in new.open_time_ms[:TIMES_TOLD_MAX]),
    )
