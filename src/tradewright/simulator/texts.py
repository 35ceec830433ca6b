"""Numbers as Bybit writes them: plain decimal text on the instrument's grid, times as text.

Lives here: formatting only. Not here: rounding that matters (`positions`, `margin`).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec

_WIDE: Final = Context(prec=60)  # recordings may have more digits than the 28 of ordinary arithmetic
_PLACES_MAX: Final = 18  # nobody reads more
_SMALLEST: Final = Decimal("1e-18")


def plain(value: Decimal) -> str:
    """Without exponent and without needless zeros, to at most 18 places, half even; zero is `0`."""
    text = format(value.normalize(), "f") if value else "0"
    point = text.find(".")
    if point < 0 or len(text) - point - 1 <= _PLACES_MAX:
        return text
    told = value.quantize(_SMALLEST, ROUND_HALF_EVEN, _WIDE)
    return format(told.normalize(_WIDE), "f") if told else "0"


def on_grid(value: Decimal, step: Decimal) -> str:
    """With as many decimals as the step is written with: Bybit keeps the trailing zeros, and clients count them."""
    return format(value.quantize(step, ROUND_HALF_EVEN), "f")


def price_text(spec: InstrumentSpec, price: Decimal) -> str:
    return on_grid(price, spec.tick_size)


def quantity_text(spec: InstrumentSpec, quantity: Decimal) -> str:
    return on_grid(quantity, spec.qty_step)


def traded_text(spec: InstrumentSpec, price: Decimal) -> str:
    """What something was traded at, or is worth: what is settled, and an option's mark, may lie between the ticks."""
    return recorded_text(price, spec.tick_size)


def recorded_text(value: Decimal, step: Decimal) -> str:
    """A public price or size: on the grid as all are; one that a recording has between the steps is told as it is."""
    on_step = value.quantize(step, ROUND_HALF_EVEN, _WIDE)
    return format(on_step if on_step == value else value, "f")


def average_text(spec: InstrumentSpec, price: Decimal | None) -> str:
    """An average may lie between ticks: eight places, or two beyond a finer tick; `0` when there is none."""
    places = min(Decimal("0.00000001"), spec.tick_size.scaleb(-2))
    return plain(price.quantize(places, ROUND_HALF_EVEN, _WIDE)) if price is not None else "0"
