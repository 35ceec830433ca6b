"""The way of the price through a bar, as the contract says (3.11), with a stop at whatever waits for it on the way.

Lives here: `turns` of a bar and `next_point` between two of them. Values in, values out.

Between its turns the price passes through every price. So it stops at each level that waits for it, and just beyond
each resting order, which is filled only when the price goes through.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from tradewright.backtest.feed import Piece
from tradewright.strategy.prices import Direction, decimal_of


def turns(piece: Piece) -> tuple[Decimal, Decimal, Decimal]:
    """Where the price goes from the open: low, high, close; the high first in a bar that closes below its open."""
    low, high, close = decimal_of(piece.low), decimal_of(piece.high), decimal_of(piece.close)
    return (low, high, close) if piece.close >= piece.open else (high, low, close)


def next_point(
    now: Decimal,
    to: Decimal,
    *,
    levels: Iterable[Decimal],
    resting: Iterable[tuple[Direction, Decimal]],
    tick: Decimal,
) -> Decimal:
    """The first price on the way from `now` to `to` at which something may happen; `to` when nothing may before."""
    way = 1 if to > now else -1
    points = [to]
    points += [level for level in levels if (level - now) * way > 0 and (to - level) * way > 0]
    for side, price in resting:
        # A buy is passed on the way down, a sell on the way up.
        if side * way < 0 and (price - now) * way >= 0 and (to - price) * way > 0:
            beyond = price + way * tick
            points.append(beyond if (to - beyond) * way > 0 else to)
    return min(points) if way > 0 else max(points)
