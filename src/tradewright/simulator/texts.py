"""Numbers as Bybit writes them: plain decimal text on the instrument's grid, times as text.

Lives here: formatting only. Not here: rounding that matters (`positions`, `margin`).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from tradewright.simulator.market.model import InstrumentSpec


def plain(value: Decimal) -> str:
    """Without exponent and without needless zeros; zero is `0`."""
    return format(value.normalize(), "f") if value else "0"


def on_grid(value: Decimal, step: Decimal) -> str:
    """With as many decimals as the step is written with: Bybit keeps the trailing zeros, and clients count them."""
    return format(value.quantize(step, ROUND_HALF_EVEN), "f")


def price_text(spec: InstrumentSpec, price: Decimal) -> str:
    return on_grid(price, spec.tick_size)


def quantity_text(spec: InstrumentSpec, quantity: Decimal) -> str:
    return on_grid(quantity, spec.qty_step)


def average_text(spec: InstrumentSpec, price: Decimal | None) -> str:
    """An average may lie between ticks: eight places; `0` when there is none."""
    return plain(price.quantize(Decimal("0.00000001"), ROUND_HALF_EVEN)) if price is not None else "0"
