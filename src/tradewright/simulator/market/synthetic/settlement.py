"""What contracts and options that end are settled at.

Lives here: the mean index of the half hour before a moment, and the memory of what it was. Not here: who asks
(`following_contract`, `options`), what becomes of positions (`matching`). The index of each minute is its close.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.model import Listing
from tradewright.simulator.market.synthetic.listed import Listed

_MINUTES: Final = 30
_NOTHING: Final = Decimal(0)


class Settlements:
    """Means that are final are kept, because the minutes they come from are forgotten after a week."""

    def __init__(self, listed: Callable[[Listing], Listed], now_ms: Callable[[], int]) -> None:
        self._listed = listed
        self._now_ms = now_ms
        self._final: dict[str, Decimal] = {}

    def price(self, leader: Listing, moment_ms: int) -> Decimal | None:
        """The mean index of a contract in the half hour before `moment_ms`, as far as it is over; None before."""
        key = f"{leader}@{moment_ms}"
        known = self._final.get(key)
        if known is not None:
            return known
        now_ms = self._now_ms()
        mean = mean_index(self._listed(leader), moment_ms, now_ms)
        if mean is not None and now_ms >= moment_ms:
            self._final[key] = mean
        return mean

    def saved(self) -> dict[str, str]:
        return {key: str(price) for key, price in self._final.items()}

    def load(self, saved: Mapping[str, str]) -> None:
        """Undo of `saved`. Raises `InvalidOperation` for what is no number."""
        self._final = {key: Decimal(price) for key, price in saved.items()}


def mean_index(leader: Listed, moment_ms: int, now_ms: int) -> Decimal | None:
    """Of the minutes in the half hour before `moment_ms` that are over by `now_ms`; None while there is none.

    Where the market stood still in all of it, the index is what it was before, and where it has no past, what it is.
    """
    begins_ms = moment_ms - _MINUTES * MINUTE_MS
    if now_ms < begins_ms + MINUTE_MS:
        return None
    ends_ms = min(moment_ms, now_ms - now_ms % MINUTE_MS)
    bars = leader.price_bars("index", "1", begins_ms, ends_ms - 1, _MINUTES, now_ms)
    bars = bars or leader.price_bars("index", "1", None, begins_ms - 1, 1, now_ms)
    closes = [bar.close for bar in bars] or [leader.index_price()]
    return (sum(closes, _NOTHING) / len(closes)).quantize(leader.spec.tick_size)
