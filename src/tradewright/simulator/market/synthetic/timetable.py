"""When something happens in listings that are computed: a minute is looked through once, not sixty times.

Lives here: `Timetable`. Not here: what happens (`computed_symbol`). With hundreds of quiet listings most of them have
nothing in most seconds, so asking each of them every second would be most of the work. And a minute is looked through a
sixtieth with every second of the one before: all at once would be felt, with every new hour most of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tradewright.simulator.market.model import Listing
from tradewright.simulator.market.synthetic.computed_symbol import ComputedSymbol

_SECONDS: Final = 60
_Busy = list[list[tuple[Listing, ComputedSymbol]]]


class Timetable:
    """Which computed listings have something in a second, in the order in which they are listed."""

    def __init__(self, computed: Mapping[Listing, ComputedSymbol]) -> None:
        self._computed = tuple(computed.items())
        self._minute = -1
        self._busy: _Busy = []
        self._next: _Busy = [[] for _ in range(_SECONDS)]
        self._looked = 0  # how many listings are in `_next`

    def busy(self, second: int) -> Sequence[tuple[Listing, ComputedSymbol]]:
        """Of a second since the epoch; seconds are asked for in order, with gaps."""
        minute, place = divmod(second, _SECONDS)
        if minute != self._minute:
            self._begin(minute)
        self._look_through(minute + 1, len(self._computed) * (place + 1) // _SECONDS)
        return self._busy[place]

    def _begin(self, minute: int) -> None:
        if minute != self._minute + 1:
            self._empty()
        self._look_through(minute, len(self._computed))
        self._busy, self._minute = self._next, minute
        self._empty()

    def _empty(self) -> None:
        self._next = [[] for _ in range(_SECONDS)]
        self._looked = 0

    def _look_through(self, minute: int, until: int) -> None:
        for one in self._computed[self._looked : until]:
            for second in one[1].busy_seconds(minute):
                self._next[second].append(one)
        self._looked = max(self._looked, until)
