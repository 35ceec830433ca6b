"""Longer bars of a run: built from its base bars, or given; and at which base close each is seen closed.

A longer bar is seen at the first base close at or after its end, never before: that is the whole rule against looking
ahead into one, and everything of longer timeframes passes through `Lane.seen_from`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.candles import Candles
from tradewright.strategy.timeframe import Timeframe, is_multiple, length_ms, open_of


@dataclass(frozen=True, slots=True)
class Lane:
    """Bars of one timeframe. `closed_at[j]`: index of the base bar at whose close bar j is first seen closed, the
    number of base bars when that is behind the last of them. It never decreases."""

    candles: Candles
    closed_at: NDArray[np.int64]

    def seen_from(self, other: Lane) -> NDArray[np.int64]:
        """For each bar of `other` the latest bar here that is closed when it is; -1: none is."""
        return np.searchsorted(self.closed_at, other.closed_at, side="right") - 1


def base_lane(candles: Candles) -> Lane:
    return Lane(candles, np.arange(len(candles), dtype=np.int64))


def longer_lane(base: Candles, timeframe: Timeframe, given: Candles | None = None) -> Lane:
    """Bars of `timeframe` as a run over `base` sees them.

    `given`: bars of the timeframe itself that begin before `base` does (a live run's warm-up). They stand as they are;
    behind the last of them bars are built. For no bar to be missing between, `base` must reach back to the end of the
    last given one.
    Raises `ValueError` when the timeframe is not a multiple of the base's, or `given` is of another.
    """
    if not is_multiple(timeframe, base.timeframe):
        raise ValueError(f"bars of {timeframe} cannot be built from bars of {base.timeframe}: not a whole multiple")
    built = build(base, timeframe)
    if given is not None:
        if given.timeframe != timeframe:
            raise ValueError(f"candles given as {timeframe} are of {given.timeframe}")
        built = _joined(given, built)
    ends = built.open_time_ms + length_ms(timeframe)
    closes = base.open_time_ms + length_ms(base.timeframe)
    return Lane(built, np.searchsorted(closes, ends, side="left").astype(np.int64))


def build(base: Candles, timeframe: Timeframe) -> Candles:
    """Bars of `timeframe` out of base bars, the last perhaps still forming: first open, highest high, lowest low, last
    close, sums. A first one that starts before the first candle is dropped."""
    times = base.open_time_ms
    opens = times - (times - open_of(0, timeframe)) % length_ms(timeframe)
    begins = np.flatnonzero(np.diff(opens, prepend=opens[:1] - 1))
    if len(begins) and opens[0] < times[0]:
        begins = begins[1:]
    if not len(begins):
        return _slice(base, timeframe, slice(0, 0))
    first = int(begins[0])
    ends = np.append(begins[1:], len(base)) - 1
    begins_here = begins - first
    bar_of = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(base))))
    return Candles(
        timeframe=timeframe,
        open_time_ms=opens[begins],
        open=base.open[begins],
        high=np.maximum.reduceat(base.high[first:], begins_here),
        low=np.minimum.reduceat(base.low[first:], begins_here),
        close=base.close[ends],
        # Summed bar after bar, as whoever builds them live must: `add.reduceat` sums in pairs and rounds otherwise.
        volume=np.bincount(bar_of, weights=base.volume[first:]).astype(np.float64),
        turnover=np.bincount(bar_of, weights=base.turnover[first:]).astype(np.float64),
    )


def lanes_of(base: Candles, timeframes: set[Timeframe], longer: Mapping[Timeframe, Candles]) -> dict[Timeframe, Lane]:
    """The base's lane and one for each other timeframe needed."""
    lanes = {base.timeframe: base_lane(base)}
    for timeframe in timeframes - {base.timeframe}:
        lanes[timeframe] = longer_lane(base, timeframe, longer.get(timeframe))
    return lanes


def _slice(candles: Candles, timeframe: Timeframe, part: slice) -> Candles:
    return Candles(
        timeframe=timeframe,
        open_time_ms=candles.open_time_ms[part],
        open=candles.open[part],
        high=candles.high[part],
        low=candles.low[part],
        close=candles.close[part],
        volume=candles.volume[part],
        turnover=candles.turnover[part],
    )


def _joined(given: Candles, built: Candles) -> Candles:
    """All given bars, then the built ones that open after the last of them."""
    if not len(given):
        return built
    later = int(np.searchsorted(built.open_time_ms, given.open_time_ms[-1], side="right"))
    rest = _slice(built, built.timeframe, slice(later, None))
    return Candles(
        timeframe=built.timeframe,
        open_time_ms=np.concatenate((given.open_time_ms, rest.open_time_ms)),
        open=np.concatenate((given.open, rest.open)),
        high=np.concatenate((given.high, rest.high)),
        low=np.concatenate((given.low, rest.low)),
        close=np.concatenate((given.close, rest.close)),
        volume=np.concatenate((given.volume, rest.volume)),
        turnover=np.concatenate((given.turnover, rest.turnover)),
    )
