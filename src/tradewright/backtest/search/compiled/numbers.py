"""Levels on their tick, quantities in steps, and whether a price is there: in doubles, as the decimals would have it.

A double may fall on the other side of a line than the decimal only where it is very near to it. There the question is
asked again of whole numbers, where the level is made of whole ones (a percentage of a candle's price): a difference of
two products that are nearly equal is exact even where the products themselves run over 64 bits. Where it is not, the
answer is that nobody knows. To be compiled (`machine`); runs as it stands too.
"""

from __future__ import annotations

import math

from tradewright.backtest.search.compiled.layout import DIFFERENCE_MAX, DOUBT, NEAR, RATIO_PARTS, WHOLE_MAX, Line, Terms


def on_grid(
    level: float, scale: float, exact: int, parts: int, tick: int, down: bool, touch_down: bool, terms: Terms
) -> Line:
    """A level that was worked out. `scale`: the size of the prices it was worked out of.

    `exact` / `parts`: the level in units of the candles' prices; `parts` 0: nobody knows. `tick`: in units; 0: it is
    not rounded, and its touch is the nearest candle's price below it (`touch_down`) or above.
    """
    doubt = NEAR * scale
    if not level > 0.0:
        return Line(level, level, doubt)
    unrounded = Line(level, level, doubt if tick == 0 else -1.0)
    if terms.unit_parts == 0:
        return unrounded
    width = max(1, tick)
    steps = level * terms.unit_parts / width
    nearest = math.floor(steps + 0.5)
    if not nearest * width < WHOLE_MAX:
        return Line(level, level, -1.0)
    below, above = math.floor(steps), math.ceil(steps)
    near = doubt * terms.unit_parts / width + 1e-9
    if abs(steps - nearest) <= near:
        if parts == 0 or near * width * parts > DIFFERENCE_MAX:
            return unrounded
        beyond = exact - nearest * width * parts
        below = nearest if beyond >= 0 else nearest - 1
        above = nearest if beyond <= 0 else nearest + 1
    if tick == 0:
        return Line(level, (below if touch_down else above) / terms.unit_parts, 0.0)
    price = (below if down else above) * width / terms.unit_parts
    return Line(price, price, 0.0)


def own_price(level: float, down: bool, terms: Terms) -> Line:
    """A level that is its own double's text, on the tick."""
    if terms.tick_whole == 0.0 or not level > 0.0:
        return Line(level, level, 0.0)
    ticks = level * terms.tick_parts / terms.tick_whole
    nearest = float(math.floor(ticks + 0.5))
    if not nearest * terms.tick_whole < WHOLE_MAX:
        return Line(level, level, -1.0)
    if abs(ticks - nearest) <= NEAR * ticks + 1e-9:
        on_tick = nearest * terms.tick_whole / terms.tick_parts
        if on_tick != level and (level < on_tick) == down:
            nearest += -1.0 if down else 1.0
    else:
        nearest = float(math.floor(ticks) if down else math.ceil(ticks))
    price = nearest * terms.tick_whole / terms.tick_parts
    return Line(price, price, 0.0)


def of_ratio(
    price: float, exact: int, parts: int, ratio: float, part: int, side: int, is_away: bool, tick: int, terms: Terms
) -> Line:
    """The level `ratio` (as whole parts `part`) away from a price, in favour of a position of `side` or against it
    (`is_away`). On the tick it is rounded away from the position; a stop or a target is touched on its own side."""
    sign = -side if is_away else side
    level = price * (1.0 + sign * ratio)
    down = side > 0
    whole = 0 if part < 0 else parts * RATIO_PARTS
    exact *= RATIO_PARTS + sign * part
    return on_grid(level, price * (1.0 + ratio), exact, whole, tick, down, sign < 0, terms)


def units_of(price: float, terms: Terms) -> int:
    """A candle's price in the smallest units."""
    return math.floor(price * terms.unit_parts + 0.5)


def counted(value: float, per_unit: float, doubt_ratio: float, terms: Terms) -> float:
    """`value / per_unit` in whole steps, never more; -1: it is too near to a whole one to be sure. `doubt_ratio`: how
    much of itself the quotient may err."""
    steps = value / per_unit * terms.step_parts / terms.step_whole
    nearest = float(math.floor(steps + 0.5))
    if not nearest * terms.step_whole < WHOLE_MAX or abs(steps - nearest) <= (doubt_ratio + NEAR) * steps + 1e-9:
        return -1.0
    return math.floor(steps) * terms.step_whole / terms.step_parts


def reached(price: float, line: Line, downward: bool) -> int:
    """Whether a price is at or beyond a level: 1, 0, or 2 for unsure."""
    if line.touch != line.touch:
        return 0
    if line.doubt > 0.0 and abs(price - line.touch) <= line.doubt:
        return 2
    return 1 if (price <= line.touch if downward else price >= line.touch) else 0


def passed(price: float, line: Line, downward: bool) -> int:
    """The same, beyond it only."""
    if line.doubt > 0.0 and abs(price - line.touch) <= line.doubt:
        return 2
    return 1 if (price < line.touch if downward else price > line.touch) else 0


def money_doubt(price: float, other: float, quantity: float, rest: float) -> float:
    """By how much (other - price) · quantity, and what is added to it, may err. `rest`: the size of what is added."""
    return DOUBT * ((price + other) * quantity + rest)
