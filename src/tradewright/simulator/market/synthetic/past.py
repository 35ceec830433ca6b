"""What a lived symbol's prices were before its own history begins: years of candles that nobody has to live through.

Lives here: `Past` and `past_before`, days of minutes as whole numbers, made when they are asked for. Not here: which
candles are made of them (`candles`), the minutes that were lived (`synthetic_symbol`).

A day is a function of the seed and its number: from month to month the price is drawn around its base, between two
months days are filled in, between two days minutes, by bridges with a chance of their own. All of it lies so that the
last minute ends where the lived history begins. Only whole numbers decide anything, so every machine makes the same
bytes; and a day of minutes costs a tenth of a millisecond, for a page of a thousand candles is asked for between two
beats of everything that trades.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

from tradewright.simulator.market.intervals import DAY_MS, MINUTE_MS, fixed_length_ms
from tradewright.simulator.market.model import InstrumentSpec, Kline
from tradewright.simulator.market.synthetic.walk import Profile, chance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAST_DAYS: Final = 1_600
_MINUTES: Final = 1_440
_MONTH_DAYS: Final = 32
_UNIT: Final = 1_024  # what one is in the tables below
_SPELLS: Final = 6  # of a day: for so long it is as restless as it is
_HEAT_SPREAD: Final = 0.45  # sigma of the logarithm of a spell's restlessness
_CROWD_SPREAD: Final = 0.7
_MONTH_SPREAD: Final = math.isqrt(_MONTH_DAYS // 2)  # of the level of a month, in days' moves
_DAYS_KEPT: Final = 16  # as minutes, some 70 kB each
_WHOLE_DAYS_KEPT: Final = 2_048  # as one bar
# What a random byte stands for.
_DRAWS: Final = tuple(NormalDist().inv_cdf((byte + 0.5) / 256) for byte in range(256))
_NORMAL: Final = tuple(round(_UNIT * draw) for draw in _DRAWS)
_HEATS: Final = tuple(round(_UNIT * math.exp(_HEAT_SPREAD * draw - _HEAT_SPREAD**2)) for draw in _DRAWS)
_CROWDS: Final = tuple(round(_UNIT * math.exp(_CROWD_SPREAD * draw)) for draw in _DRAWS)
_WICKS: Final = tuple(round(_UNIT * (byte / 255) ** 2 / 2) for byte in range(256))


class _Bars(NamedTuple):
    """Columns of consecutive bars, in ticks, steps, and ticks times steps."""

    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]
    turnover: NDArray[np.int64]


class Past:
    """Minutes from the beginning of a day to before `until_ms`, which is a whole minute.

    `end_ticks` is where the price is then; `minute_steps` the usual volume of a minute.
    """

    def __init__(
        self,
        *,
        seed: int,
        name: str,
        base_ticks: int,
        daily_volatility: float,
        minute_steps: float,
        until_ms: int,
        end_ticks: int,
        tick_size: Decimal,
        qty_step: Decimal,
        days: int,
    ) -> None:
        self.until_ms = until_ms
        self.begin_ms = max(0, until_ms - until_ms % DAY_MS - days * DAY_MS)
        self._seed, self._name = seed, name
        self._base = base_ticks
        self._day_move = max(1, round(base_ticks * daily_volatility))  # ticks
        self._minute_move = max(1, round(base_ticks * daily_volatility / math.sqrt(_MINUTES)))
        self._minute_steps = max(1, round(minute_steps))
        self._tick, self._step = tick_size, qty_step
        self._end_ticks = end_ticks
        self._anchors_of = lru_cache(maxsize=4)(self._make_anchors)
        self._minutes_of = lru_cache(maxsize=_DAYS_KEPT)(self._make_minutes)
        self._whole_day = lru_cache(maxsize=_WHOLE_DAYS_KEPT)(self._make_whole_day)
        self._shift: int | None = None

    def bars(self, interval: str, lower: int | None, upper: int | None, *, reverse: bool) -> Iterator[Kline]:
        """Pieces of candles of `interval` that start in [`lower`, `upper`), which are begins of such candles, in
        either order: whole candles where they divide a day, days of weeks and months, and what is left of the candle in
        which this past ends."""
        length = DAY_MS if interval in ("W", "M") else fixed_length_ms(interval)
        first_ms = max(self.begin_ms, self.begin_ms if lower is None else lower)
        last_ms = self.until_ms if upper is None else min(upper, self.until_ms)
        if first_ms >= last_ms:
            return
        days = range(first_ms // DAY_MS, (last_ms - 1) // DAY_MS + 1)
        for day in reversed(days) if reverse else days:
            begin, end = max(first_ms, day * DAY_MS), min(last_ms, (day + 1) * DAY_MS)
            pieces = self._pieces(day, begin, end, length)
            yield from reversed(pieces) if reverse else pieces

    def _pieces(self, day: int, begin_ms: int, end_ms: int, length_ms: int) -> Sequence[Kline]:
        """Of [begin, end) of one day."""
        if length_ms == DAY_MS and end_ms - begin_ms == DAY_MS:
            return [self._kline(begin_ms, end_ms, self._whole_day(day))]
        minutes = self._minutes_of(day)
        first, last = (begin_ms - day * DAY_MS) // MINUTE_MS, (end_ms - day * DAY_MS) // MINUTE_MS
        each = length_ms // MINUTE_MS
        whole = (last - first) // each * each
        rows = _joined(minutes, first, whole // each, each)
        found = [
            self._kline(begin_ms + at * length_ms, begin_ms + (at + 1) * length_ms, row) for at, row in enumerate(rows)
        ]
        if first + whole < last:  # this past ends in the middle of a candle
            rest_ms = begin_ms + whole * MINUTE_MS
            found.append(self._kline(rest_ms, end_ms, _joined(minutes, first + whole, 1, last - first - whole)[0]))
        return found

    def _kline(self, start_ms: int, end_ms: int, row: tuple[int, ...]) -> Kline:
        opened, high, low, close, volume, turnover = row
        tick, step = self._tick, self._step
        return Kline(
            start_ms=start_ms,
            end_ms=end_ms - 1,
            open=opened * tick,
            high=high * tick,
            low=low * tick,
            close=close * tick,
            volume=volume * step,
            turnover=turnover * (tick * step),
            confirm=True,
        )

    def _make_whole_day(self, day: int) -> tuple[int, ...]:
        # Not through the kept minutes: a chart of days would push out those that are looked at.
        return _joined(self._make_minutes(day), 0, 1, _MINUTES)[0]

    def _make_minutes(self, day: int) -> _Bars:
        import numpy as np

        ends = self._path(day) + self._shift_by()
        ends = np.maximum(ends, self._base // 10)  # a price falls to a tenth of its base at most
        rng = chance(self._seed, self._name, "past", "trades", day)
        up, down, crowds = (np.frombuffer(rng.randbytes(_MINUTES), dtype=np.uint8) for _ in range(3))
        opened, close = ends[:-1], ends[1:]
        wicks = np.array(_WICKS, dtype=np.int64)
        heats = self._heats(day)
        reach = self._minute_move * heats // _UNIT
        high = np.maximum(opened, close) + reach * wicks[up] // _UNIT
        low = np.maximum(np.minimum(opened, close) - reach * wicks[down] // _UNIT, 1)
        crowd = np.array(_CROWDS, dtype=np.int64)[crowds]
        volume = np.maximum(1, self._minute_steps * crowd // _UNIT * heats // _UNIT)
        turnover = volume * ((opened + high + low + close) // 4)
        return _Bars(opened, high, low, close, volume, turnover)

    def _path(self, day: int) -> NDArray[np.int64]:
        """Where the price is at the begin of each minute of a day and at the end of the last one, but for the shift."""
        import numpy as np

        month, place = divmod(day, _MONTH_DAYS)
        anchors = self._anchors_of(month)
        first, last = anchors[place], anchors[place + 1]
        rng = chance(self._seed, self._name, "past", "minutes", day)
        draws = np.array(_NORMAL, dtype=np.int64)[np.frombuffer(rng.randbytes(_MINUTES), dtype=np.uint8)]
        walked = np.cumsum(draws * self._minute_move // _UNIT * self._heats(day) // _UNIT)
        steps = np.arange(1, _MINUTES + 1, dtype=np.int64)
        ends = first + walked + (last - first - int(walked[-1])) * steps // _MINUTES
        return np.concatenate((np.array([first], dtype=np.int64), ends))

    def _heats(self, day: int) -> NDArray[np.int64]:
        """How restless each minute of a day is, on a straight line from spell to spell."""
        import numpy as np

        drawn = [
            _HEATS[byte]
            for number in (day, day + 1)
            for byte in chance(self._seed, self._name, "past", "heat", number).randbytes(_SPELLS)
        ][: _SPELLS + 1]
        each = _MINUTES // _SPELLS
        levels, share = np.array(drawn, dtype=np.int64), np.arange(each, dtype=np.int64)
        lines = levels[:-1, None] + (levels[1:] - levels[:-1])[:, None] * share // each
        heats: NDArray[np.int64] = lines.reshape(-1)
        return heats

    def _shift_by(self) -> int:
        """So that the last minute ends where the lived history begins."""
        if self._shift is None:
            day, within = divmod(self.until_ms, DAY_MS)
            self._shift = self._end_ticks - int(self._path(day)[within // MINUTE_MS])
        return self._shift

    def _make_anchors(self, month: int) -> list[int]:
        """Where the price is at the begin of each day of a month and at its end."""
        first, last = (
            self._base
            + _NORMAL[chance(self._seed, self._name, "past", "month", number).randrange(256)]
            * self._day_move
            * _MONTH_SPREAD
            // _UNIT
            for number in (month, month + 1)
        )
        draws = chance(self._seed, self._name, "past", "days", month).randbytes(_MONTH_DAYS)
        levels = [0]
        for draw in draws:
            levels.append(levels[-1] + _NORMAL[draw] * self._day_move // _UNIT)
        wrong = last - first - levels[-1]
        return [first + level + wrong * at // _MONTH_DAYS for at, level in enumerate(levels)]


def past_before(first: Kline, spec: InstrumentSpec, profile: Profile, *, seed: int, days: int) -> Past:
    """The past of a symbol whose own history begins with `first`."""
    return Past(
        seed=seed,
        name=spec.symbol,
        base_ticks=profile.base_ticks,
        daily_volatility=profile.daily_volatility,
        minute_steps=profile.median_size_steps * profile.trades_per_s * 60,
        until_ms=first.start_ms,
        end_ticks=int(first.open / spec.tick_size),
        tick_size=spec.tick_size,
        qty_step=spec.qty_step,
        days=days,
    )


def _joined(bars: _Bars, first: int, count: int, each: int) -> list[tuple[int, ...]]:
    """`count` bars out of `each` minutes, from the minute `first` on."""
    if not count:
        return []
    opened, high, low, close, volume, turnover = (
        column[first : first + count * each].reshape(count, each) for column in bars
    )
    columns = (opened[:, 0], high.max(1), low.min(1), close[:, -1], volume.sum(1), turnover.sum(1))
    return list(zip(*(column.tolist() for column in columns), strict=True))
