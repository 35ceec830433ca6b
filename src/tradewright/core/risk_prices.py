"""Whether prices may be believed: absurd ones block new exposure, whatever else allows it.

Lives here: `PriceView`, the prices of one symbol with their ages, `absurdity`, and `Believed`, which notices a jump.
Not here: where prices come from (`trading.risk.prices`), how old they may be (`core.risk`). No I/O and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradewright.core.rule_parts import Quotes

JUMP_FACTOR = Decimal(2)  # from one price to the next: more than this is a fault of the data until it has stood
JUMP_BELIEVED_AFTER_S = 300.0
APART_FACTOR = Decimal("1.5")  # between last, mark and index


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceView:
    """Prices of one symbol. `link_age_s`: since its link last said anything; `quote_age_s`: since these came."""

    quotes: Quotes
    link_age_s: float
    quote_age_s: float
    has_jumped: bool = False

    @property
    def reference(self) -> Decimal | None:
        """What everything is valued at: the mark, on spot the last price."""
        return self.quotes.last if self.quotes.mark is None else self.quotes.mark


def absurdity(view: PriceView) -> str | None:
    """Why these prices cannot be true, in one word; None: nothing speaks against them."""
    quotes = view.quotes
    named = [price for price in (quotes.last, quotes.mark, quotes.index, quotes.bid, quotes.ask) if price is not None]
    reference = view.reference
    if reference is None:
        return "missing"
    if any(not price.is_finite() or price <= 0 for price in named):
        return "zero"
    if quotes.bid is not None and quotes.ask is not None and quotes.bid > quotes.ask:
        return "crossed"
    if view.has_jumped:
        return "jumped"
    highest = reference * APART_FACTOR
    for other in named:
        if other > highest or other * APART_FACTOR < reference:
            return "apart"
    return None


class Believed:
    """The last price of one symbol that was believed. A jump is believed once it has stood for a while."""

    def __init__(self) -> None:
        self._price: Decimal | None = None
        self._jumped_at_s: float | None = None
        self._jumped_to: Decimal | None = None

    def takes(self, price: Decimal | None, now_s: float) -> bool:
        """Whether the next price may be believed, by the one before; `now_s` is monotonic."""
        if price is None or not price.is_finite() or price <= 0:
            return True  # absurd by itself, and no measure for the next one
        if self._price is None or _near(price, self._price):
            self._price, self._jumped_at_s, self._jumped_to = price, None, None
            return True
        if self._jumped_at_s is None or self._jumped_to is None or not _near(price, self._jumped_to):
            self._jumped_at_s = now_s
        self._jumped_to = price
        if now_s - self._jumped_at_s < JUMP_BELIEVED_AFTER_S:
            return False
        self._price, self._jumped_at_s, self._jumped_to = price, None, None
        return True


def _near(price: Decimal, other: Decimal) -> bool:
    return price <= other * JUMP_FACTOR and other <= price * JUMP_FACTOR
