"""Greeks of option positions: of one position, and the sums by base coin that REST and the `greeks` topic tell.

Lives here: adding up and the rows. Not here: an option's own greeks, which the market gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.market.model import InstrumentSpec, Listing
from tradewright.simulator.texts import plain

Row = dict[str, Any]
GREEKS: Final = ("delta", "gamma", "vega", "theta")


def greeks_of(ticker: Mapping[str, str]) -> dict[str, Decimal]:
    """Of one option, per unit of its base coin, from its ticker."""
    return {name: Decimal(ticker[name]) for name in GREEKS}


def position_greeks(position: Position, ticker: Callable[[Listing], Mapping[str, str]]) -> Row:
    """The four fields that only positions in options have."""
    if not position.size:
        return dict.fromkeys(GREEKS, "0")
    return {name: plain(position.size * value) for name, value in greeks_of(ticker(position.symbol)).items()}


def coin_greeks(
    positions: Iterable[Position],
    specs: Mapping[Listing, InstrumentSpec],
    ticker: Callable[[Listing], Mapping[str, str]],
) -> list[Row]:
    """A row for each base coin that the account has options of."""
    sums: dict[str, dict[str, Decimal]] = {}
    for position in positions:
        spec = specs[position.symbol]
        if not spec.is_option or not position.size:
            continue
        total = sums.setdefault(spec.base_coin, dict.fromkeys(GREEKS, ZERO))
        for name, value in greeks_of(ticker(position.symbol)).items():
            total[name] += position.size * value
    return [
        {"baseCoin": coin, **{f"total{name.capitalize()}": plain(value) for name, value in total.items()}}
        for coin, total in sums.items()
    ]
