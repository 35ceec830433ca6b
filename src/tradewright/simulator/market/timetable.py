"""When something happens in listings that are computed: a minute is looked through once, not sixty times.

Lives here: `Timetable`. Not here: what happens (`computed_symbol`). With hundreds of quiet listings most of them have
nothing in most seconds, so asking each of them every second would be most of the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradewright.simulator.market.computed_symbol import ComputedSymbol
from tradewright.simulator.market.model import Listing

_SECONDS = 60


class Timetable:
    """Which computed listings have something in a second, in the order in which they are listed."""

    def __init__(self, computed: Mapping[Listing, ComputedSymbol]) -> None:
        self._computed = computed
        self._minute = -1
        self._busy: list[list[tuple[Listing, ComputedSymbol]]] = []

    def busy(self, second: int) -> Sequence[tuple[Listing, ComputedSymbol]]:
        minute, place = divmod(second, _SECONDS)
        if minute != self._minute:
            self._minute = minute
            self._busy = [[] for _ in range(_SECONDS)]
            for listing, symbol in self._computed.items():
                for busy in symbol.busy_seconds(minute):
                    self._busy[busy].append((listing, symbol))
        return self._busy[place]
