"""Prices an order may have: the limits of the exchange, the internal limit of a market order, and whether the market
went through one that rests.

Lives here: values in, values out. Not here: what an order meets (`walks`), queues (`queue`), when orders arrive
(`floor`).
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.simulator.accounts.events import Side, Slippage
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.model import InstrumentSpec, MarketBook
from tradewright.simulator.matching import spot_filters


def went_through(order: Order, price: Decimal) -> bool:
    """Whether a trade at `price` proves that a resting order was filled: only strictly beyond its price.

    At the price itself others may have stood in front of us in the queue, so a touch proves nothing.
    """
    return price < order.price if order.side == "Buy" else price > order.price


def book_went_through(order: Order, book: MarketBook) -> bool:
    """The same by the book: the other side now offers strictly better than the resting order asks for."""
    levels = book.asks if order.side == "Buy" else book.bids
    return bool(levels) and went_through(order, levels[0][0])


def price_bounds(
    spec: InstrumentSpec, *, mark_price: Decimal, index_price: Decimal, premium: Decimal = ZERO
) -> tuple[Decimal, Decimal]:
    """Lowest sell and highest buy price the exchange accepts now, on the tick grid: Bybit's formula of May 2026.

    `premium` is how far the middle of the book was from the mark of late, on the average. On spot both prices are the
    index, and the premium counts from there. Options have no documented band: theirs are the prices that there are.
    """
    if spec.is_option:  # a band around the mark of one that is worth nearly nothing would lie below its best ask
        return spec.min_price, spec.max_price
    near, far = spec.price_limit_ratio_x, spec.price_limit_ratio_y
    above, below = (premium, premium) if spec.is_spot else (max(ZERO, premium), min(ZERO, premium))
    highest = min(mark_price * (1 + far), max(index_price, mark_price * (1 + near) + above))
    lowest = max(mark_price * (1 - far), min(index_price, mark_price * (1 - near) + below))
    tick = spec.tick_size
    return _up_to_tick(max(lowest, tick), tick), max(highest // tick * tick, tick)


def check_limits(spec: InstrumentSpec, price: Decimal, side: Side, bounds: tuple[Decimal, Decimal]) -> None:
    """Where the account asks for it, a price beyond the bounds is refused. Raises `ApiError` 110121 above and 110120
    below them, on spot 170193 and 170194.
    """
    if spec.is_spot:
        spot_filters.check_limits(price, side, bounds)
        return
    lowest_sell, highest_buy = bounds
    if side == "Buy" and price > highest_buy:
        raise ApiError(RetCode.PRICE_ABOVE_LIMIT, f"Order price is above the price limitation of {highest_buy}.")
    if side == "Sell" and price < lowest_sell:
        raise ApiError(RetCode.PRICE_BELOW_LIMIT, f"Order price is below the price limitation of {lowest_sell}.")


def clamp(price: Decimal, side: Side, bounds: tuple[Decimal, Decimal]) -> Decimal:
    """A limit price beyond the bounds is moved to them silently, as on Bybit's futures."""
    lowest_sell, highest_buy = bounds
    return min(price, highest_buy) if side == "Buy" else max(price, lowest_sell)


def protection_price(spec: InstrumentSpec, book: MarketBook, side: Side, last_price: Decimal) -> Decimal:
    """The internal limit of a market order: the instrument's ratio X behind the best opposite price, on the tick
    grid.
    """
    levels = book.asks if side == "Buy" else book.bids
    best = levels[0][0] if levels else last_price
    bound = best * (1 + spec.price_limit_ratio_x if side == "Buy" else 1 - spec.price_limit_ratio_x)
    tick = spec.tick_size
    return bound // tick * tick if side == "Buy" else _up_to_tick(bound, tick)


def slippage_price(
    spec: InstrumentSpec, book: MarketBook, side: Side, last_price: Decimal, slippage: Slippage
) -> Decimal:
    """The worst price a market order with a slippage tolerance takes, counted from the best opposite one."""
    levels = book.asks if side == "Buy" else book.bids
    best = levels[0][0] if levels else last_price
    way = slippage.tolerance * (spec.tick_size if slippage.unit == "TickSize" else best / 100)
    if side == "Buy":
        return (best + way) // spec.tick_size * spec.tick_size
    return max(spec.tick_size, _up_to_tick(best - way, spec.tick_size))


def _up_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Not by `-(-price // tick)`: the `//` of Decimal cuts towards zero, so that would round down."""
    rest = price % tick
    return price - rest + tick if rest else price
