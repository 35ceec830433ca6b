"""What the market endpoints are asked about: categories, listings, and the words that a parameter may be.

Lives here: finding what a request names, and refusing what there is not. Not here: what is told of it (`market`,
`figures`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.model import CATEGORIES, InstrumentSpec, Listing, Market, listing_of

T = TypeVar("T")


class Named:
    """The market's listings by their names on the wire."""

    def __init__(self, market: Market, specs: Mapping[Listing, InstrumentSpec]) -> None:
        self._market = market
        self._specs = specs

    def of(self, category: str) -> list[InstrumentSpec]:
        """All listings of a category, in the market's order."""
        return [spec for spec in self._market.instruments if spec.category == category]

    def of_coin(self, category: str, base_coin: str) -> list[InstrumentSpec]:
        return [spec for spec in self.of(category) if spec.base_coin == base_coin]

    def spec(self, params: Body, *, default: str = "", served: Sequence[str] = CATEGORIES) -> InstrumentSpec:
        """The instrument of `category` and `symbol`. An unknown one is a wrong parameter here, of spot as well."""
        category = category_of(params, default=default, served=served)
        spec = self._specs.get(listing_of(category, text(params, "symbol")))
        if spec is None or spec.category != category:
            raise bad_parameter("Not supported symbols" if category == "spot" else "params error: symbol invalid")
        return spec


def category_of(params: Body, *, default: str = "", served: Sequence[str] = CATEGORIES) -> str:
    """One that the endpoint answers for. Raises `ApiError` 10001."""
    category = one_of("category", text(params, "category") or default, CATEGORIES)
    if category not in served:
        raise bad_parameter(f"params error: category [{category}] is not served here, use {' or '.join(served)}")
    return category


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """`value`, if it is allowed. Raises `ApiError` 10001."""
    if value not in allowed:
        raise bad_parameter(f"params error: {name} [{value}] is not one of {' '.join(allowed)}")
    return value


def part(items: Sequence[T], first: int, limit: int) -> tuple[list[T], str]:
    """One page, and the cursor of the next or "" after the last."""
    return list(items[first : first + limit]), f"p{first + limit}" if first + limit < len(items) else ""
