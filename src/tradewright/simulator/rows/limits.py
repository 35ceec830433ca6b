"""The row of a listing's price limits, in REST and on the stream.

Lives here: `price_limit_row`. Not here: the formula (`matching.liquidity`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.simulator.market.model import InstrumentSpec, Market
from tradewright.simulator.matching.liquidity import price_bounds
from tradewright.simulator.texts import price_text


def price_limit_row(market: Market, spec: InstrumentSpec, premium: Decimal) -> dict[str, Any]:
    """Highest accepted buy price and lowest accepted sell price, as of now; see `price_bounds` for `premium`."""
    index = market.index_price(spec.listing)
    mark = index if spec.is_spot else market.mark_price(spec.listing)
    lowest_sell, highest_buy = price_bounds(spec, mark_price=mark, index_price=index, premium=premium)
    return {
        "symbol": spec.symbol,
        "buyLmt": price_text(spec, highest_buy),
        "sellLmt": price_text(spec, lowest_sell),
    }
