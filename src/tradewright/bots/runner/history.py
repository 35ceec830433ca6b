"""The bars of a run: the history it is warmed up with, those that were missed, and how candles become bars.

Lives here: `History`. Not here: bars as they close (`run`), the cache that they are read from (`market.candles`).

History begins at an anchor that is kept with the run: whoever goes on with it reads the same bars, so every indicator
is to the last bit what it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import Candle
from tradewright.market.candles import CandleCache
from tradewright.market.intervals import EARLIEST_MS
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.model import Strategy
from tradewright.strategy.timeframe import Timeframe, length_ms, open_of

if TYPE_CHECKING:
    from tradewright.strategy.candles import Candles

INTERVALS: Final[Mapping[Timeframe, str]] = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "6h": "360",
    "12h": "720",
    "1d": "D",
    "1w": "W",
}
_PAGE_ROWS = 1_000


def bar_of(candle: Candle) -> Bar:
    """As evaluators take it: each number the double nearest to its text."""
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.turnover)
    return Bar(candle.open_time_ms, *map(float, numbers))  # lint: allow float-money: what expressions are worked out on


@dataclass(frozen=True, slots=True)
class Warmed:
    """An evaluator that has seen all bars until `until_ms`, and where the history of each timeframe begins."""

    evaluator: Evaluator
    anchor: Mapping[str, int]


class History:
    """Of one instrument. Raises `ExchangeUnavailable` from everything that reads."""

    def __init__(self, candles: CandleCache, instrument: InstrumentId, strategy: Strategy) -> None:
        self._candles = candles
        self._instrument = instrument
        self._strategy = strategy
        self.timeframe = strategy.market.timeframe
        self.interval = INTERVALS[self.timeframe]

    async def warm_up(self, first_open_ms: int) -> Warmed:
        """For a first decision at the close of the bar that opens then."""
        strategy, length = self._strategy, length_ms(self.timeframe)
        longest = max(strategy.timeframes, key=length_ms)
        # At a boundary of every longer timeframe, so that none of its bars lies half in what is given and half in what
        # is built.
        base_from = open_of(max(EARLIEST_MS, first_open_ms - strategy.warm_up_bars * length), longest)
        anchor: dict[str, int] = {self.timeframe: base_from}
        for timeframe in strategy.timeframes[1:]:
            begin = base_from - strategy.warm_up_bars * length_ms(timeframe)
            anchor[timeframe] = max(EARLIEST_MS, begin)
        return await self.warmed(anchor, first_open_ms)

    async def warmed(self, anchor: Mapping[str, int], until_ms: int) -> Warmed:
        """The same bars as at the first time, from the anchor on to those that open before `until_ms`."""
        base_from = anchor[self.timeframe]
        longer: dict[Timeframe, Candles] = {}
        known = dict(anchor)
        for timeframe in self._strategy.timeframes[1:]:
            found = await self._bars(timeframe, anchor[timeframe], base_from)
            if found:
                longer[timeframe] = _columns(timeframe, found)
                known[timeframe] = found[0].open_time_ms
            else:
                known[timeframe] = base_from
        base = await self._bars(self.timeframe, base_from, until_ms)
        known[self.timeframe] = base[0].open_time_ms if base else until_ms
        evaluator = Evaluator(self._strategy.program, longer=longer)
        for bar in base:
            evaluator.close(bar)
        return Warmed(evaluator, known)

    async def between(self, from_ms: int, to_ms: int) -> list[Bar]:
        """Closed base bars that open in [from_ms, to_ms), oldest first."""
        return await self._bars(self.timeframe, from_ms, to_ms)

    async def _bars(self, timeframe: Timeframe, from_ms: int, to_ms: int) -> list[Bar]:
        length, found = length_ms(timeframe), list[Bar]()
        start = max(from_ms, EARLIEST_MS)
        while start < to_ms:
            end = min(to_ms, start + _PAGE_ROWS * length)
            page = await self._candles.get(
                self._instrument, INTERVALS[timeframe], start_ms=start, end_ms=end, limit=_PAGE_ROWS
            )
            found += [bar_of(candle) for candle in page.rows if candle.confirmed and start <= candle.open_time_ms < end]
            start = end
        return found


def _columns(timeframe: Timeframe, bars: Sequence[Bar]) -> Candles:
    import numpy as np  # only who looks at longer timeframes pays for it

    from tradewright.strategy.candles import Candles

    times, *columns = zip(*bars, strict=True)
    opened, high, low, close, volume, turnover = (np.array(column, dtype=np.float64) for column in columns)
    return Candles(
        timeframe=timeframe,
        open_time_ms=np.array(times, dtype=np.int64),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        turnover=turnover,
    )
