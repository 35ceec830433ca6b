"""What the whole market goes through: calm and restless stretches, and the rare moments in which a price jumps.

Lives here: how much restlessness there is at a moment, where jumps are, and how thin the books get around them.
Not here: what prices make of it (`walk`, `paths`). Everything is a function of the seed and the time, so nothing has to
be lived through and no order of asking matters.

What it aims at, on the minutes of BTCUSDT: a kurtosis of returns of 8 to 300 (a normal one has 3), an autocorrelation
of their sizes of 0.1 to 0.6 from minute to minute and still above 0.03 after half an hour; one to four jumps a day in
each listing, each 6 to 18 times a usual minute's move within a few seconds, after which a book has an eighth of its
size and four times its spread, and recovers within ten minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from tradewright.simulator.market.levels import THINNEST
from tradewright.simulator.market.synthetic.walk import Sky, chance

_SPELLS: Final = ((8 * 3600, 0.45), (2400, 0.25))  # length in seconds and sigma of the logarithm, of what adds up
# A logarithm that goes straight from draw to draw has two thirds of their variance.
_MEAN_SQUARE: Final = math.exp(2 * sum(sigma**2 * 2 / 3 for _, sigma in _SPELLS))
_JUMP_ODDS: Final = 1 / 12  # in an hour of usual restlessness
_JUMP_MOVES: Final = (6.0, 18.0)  # minutes' moves
_JUMP_SECONDS: Final = (2, 6)
_SHELTER_S: Final = 240  # no jump so near to the ends of an hour
_WAKE_S: Final = 600
_WAKE_HEAT: Final = 1.6  # additional restlessness right after a jump
_HOURS_KEPT: Final = 8
_LEVELS_KEPT: Final = 32
_MINUTES_KEPT: Final = 96  # hours: a ticker's day touches two days of them, and all listings share them


@dataclass(frozen=True, slots=True)
class Jump:
    """Its first second since the epoch, how many it takes, and how far it goes in all (logarithm)."""

    second: int
    seconds: int
    move: float


class Climate:
    """The restlessness that all listings share: a factor on volatility, whose square is about 1 in the mean."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._level_of = lru_cache(maxsize=_LEVELS_KEPT)(self._make_level)
        self.minutes = lru_cache(maxsize=_MINUTES_KEPT)(self._make_minutes)

    def heat(self, second: int) -> float:
        log = 0.0
        for length, sigma in _SPELLS:
            spell, within = divmod(second, length)
            share = within / length
            log += sigma * (self._level_of(length, spell) * (1 - share) + self._level_of(length, spell + 1) * share)
        return math.exp(log) / math.sqrt(_MEAN_SQUARE)

    def _make_minutes(self, hour: int) -> tuple[float, ...]:
        """The factors of the minutes of an hour since the epoch."""
        return tuple(self.heat(hour * 3600 + minute * 60) for minute in range(60))

    def _make_level(self, length: int, spell: int) -> float:
        return chance(self.seed, "weather", length, spell).gauss(0.0, 1.0)


class Weather(Protocol):
    """The weather over one listing."""

    def sky(self, second: int) -> Sky:
        """What holds during one second since the epoch."""
        ...

    def moved(self, second: int, until: int) -> float:
        """What jumps move the price by (logarithm) from one second to before another, at most an hour later."""
        ...

    def jump(self, hour: int) -> Jump | None:
        """The jump of an hour since the epoch, if there is one."""
        ...

    def hour_heat(self, hour: int) -> float:
        """The factor on volatility in the middle of an hour, jumps left out."""
        ...

    def minute_heats(self, hour: int) -> Sequence[float]:
        """The factors of the minutes of an hour, with what jumps leave behind."""
        ...

    def hurts(self) -> bool:
        """Whether anybody is ever liquidated."""
        ...


class Changing:
    """See `Weather`: restlessness is the whole market's, jumps are the listing's own."""

    def __init__(self, climate: Climate, *, name: str, daily_volatility: float) -> None:
        self._climate = climate
        self._name = name
        self._minute_move = daily_volatility / math.sqrt(1440)
        self.jump = lru_cache(maxsize=_HOURS_KEPT)(self._make_jump)

    def sky(self, second: int) -> Sky:
        heat = self._climate.heat(second)
        hour = second // 3600
        for jump in (self.jump(hour), self.jump(hour - 1)):
            if jump is not None and jump.second <= second < jump.second + _WAKE_S:
                left = 1 - (second - jump.second) / _WAKE_S
                move = jump.move / jump.seconds if second < jump.second + jump.seconds else 0.0
                return Sky(heat * (1 + _WAKE_HEAT * left), move, math.ceil(THINNEST * left))
        return Sky(heat, 0.0, 0)

    def moved(self, second: int, until: int) -> float:
        total = 0.0
        for hour in range(second // 3600, (until - 1) // 3600 + 1):
            jump = self.jump(hour)
            if jump is not None:
                common = min(until, jump.second + jump.seconds) - max(second, jump.second)
                total += jump.move * max(0, common) / jump.seconds
        return total

    def hour_heat(self, hour: int) -> float:
        return self._climate.minutes(hour)[30]

    def minute_heats(self, hour: int) -> Sequence[float]:
        heats = self._climate.minutes(hour)
        for jump in (self.jump(hour - 1), self.jump(hour)):
            if jump is not None:
                first, last = (at // 60 - hour * 60 for at in (jump.second, jump.second + _WAKE_S))
                wakes = range(max(0, first), min(60, last))
                if wakes:
                    more = {at: 1 + _WAKE_HEAT * (1 - (at - first) * 60 / _WAKE_S) for at in wakes}
                    heats = tuple(heat * more.get(at, 1.0) for at, heat in enumerate(heats))
        return heats

    def hurts(self) -> bool:
        return True

    def _make_jump(self, hour: int) -> Jump | None:
        rng = chance(self._climate.seed, self._name, "jump", hour)
        if rng.random() >= _JUMP_ODDS * min(2.0, self.hour_heat(hour)):
            return None
        second = hour * 3600 + rng.randrange(_SHELTER_S, 3600 - _SHELTER_S)
        size = rng.uniform(*_JUMP_MOVES) * self._minute_move
        return Jump(second, rng.randint(*_JUMP_SECONDS), size if rng.random() < 0.5 else -size)


class Still:
    """See `Weather`: none at all. So the market was before there was any, and states of then go on in it."""

    def sky(self, second: int) -> Sky:
        return _CALM

    def moved(self, second: int, until: int) -> float:
        return 0.0

    def jump(self, hour: int) -> None:
        return None

    def hour_heat(self, hour: int) -> float:
        return 1.0

    def minute_heats(self, hour: int) -> Sequence[float]:
        return _EVEN

    def hurts(self) -> bool:
        return False


_CALM: Final = Sky(1.0, 0.0, 0)
_EVEN: Final = (1.0,) * 60
