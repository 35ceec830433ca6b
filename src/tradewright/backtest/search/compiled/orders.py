"""What a position is protected by, and which order a close decides: contract, 3.2 and 3.6, in doubles.

The same as `strategy.entries`, with UNSURE where doubles cannot tell. `exact` / `parts` go with a price: what it is in
units of the candles' prices (`numbers`). To be compiled (`machine`); runs as it stands too.
"""

from __future__ import annotations

import math

from tradewright.backtest.search.compiled.layout import (
    BASE,
    BY_ATR,
    BY_NOTHING,
    BY_PCT,
    BY_PRICE,
    BY_RR,
    DOUBT,
    EQUITY_PCT,
    LIQUIDATION,
    NEAR,
    QUOTE,
    RATIO_PARTS,
    RISK_PCT,
    STOP_LOSS,
    TRAILING,
    UNSURE,
    Line,
    Signals,
    Terms,
)
from tradewright.backtest.search.compiled.numbers import counted, of_ratio, on_grid, own_price, units_of


def nearest_stop(stop: Line, trail: Line, liquidation: Line, side: int, terms: Terms) -> tuple[Line, int]:
    """The stop that counts and its reason (UNSURE where two are too near to tell). Of equal ones the first counts, but
    equal doubles are equal decimals only on the tick, or where both are the same part of the same price."""
    line, reason = stop, STOP_LOSS
    is_told = terms.tick_units > 0 or (terms.stop_by == BY_PCT and terms.stop_part == terms.trail_part)
    for other, name in ((trail, TRAILING), (liquidation, LIQUIDATION)):
        if other.price == other.price:
            if line.price != line.price:
                line, reason = other, name
            elif other.price == line.price and is_told and name == TRAILING:
                continue
            elif abs(other.price - line.price) <= NEAR * abs(line.price):
                return line, UNSURE
            elif (other.price - line.price) * side > 0.0:
                line, reason = other, name
    return line, reason


def placed(
    entry: float, exact: int, parts: int, stop_at: float, target_at: float, side: int, terms: Terms
) -> tuple[Line, Line]:
    """Stop and target of a position opened at `entry`. `stop_at`, `target_at`: the ATR, or the rounded price, that was
    measured at the decision."""
    nowhere = Line(math.nan, math.nan, 0.0)
    stop, target, tick, down = nowhere, nowhere, terms.tick_units, side > 0
    if terms.stop_by == BY_PCT:
        stop = of_ratio(entry, exact, parts, terms.stop, terms.stop_part, side, True, tick, terms)
    elif terms.stop_by == BY_ATR:
        away = terms.stop * stop_at
        stop = on_grid(entry - side * away, entry + away, 0, 0, tick, down, down, terms)
    elif terms.stop_by == BY_PRICE:
        stop = Line(stop_at, stop_at, 0.0)
    if terms.target_by == BY_PCT:
        target = of_ratio(entry, exact, parts, terms.target, terms.target_part, side, False, tick, terms)
    elif terms.target_by == BY_ATR:
        away = terms.target * target_at
        target = on_grid(entry + side * away, entry + away, 0, 0, tick, down, not down, terms)
    elif terms.target_by == BY_PRICE:
        target = Line(target_at, target_at, 0.0)
    elif terms.target_by == BY_RR:
        level = entry + side * terms.target * abs(entry - stop.price)
        scale = (entry + abs(stop.price)) * (1.0 + terms.target)
        whole, made = 0, 0
        if tick > 0 and terms.target_part >= 0:  # then the stop is whole units
            whole = parts * RATIO_PARTS
            made = exact * (RATIO_PARTS + terms.target_part) - terms.target_part * units_of(stop.price, terms) * parts
        target = on_grid(level, scale, made, whole, tick, down, not down, terms)
    return stop, target


def trailed(best: float, exact: int, parts: int, side: int, terms: Terms) -> Line:
    """The trailing stop of a position whose best price so far is this."""
    return of_ratio(best, exact, parts, terms.trail_ratio, terms.trail_part, side, True, terms.tick_units, terms)


def measured(value: float, by: int, side: int, terms: Terms) -> Line:
    """What a level needs of a close: the ATR, or the price on its tick. NaN: unknown, or nothing is needed."""
    if by == BY_PRICE:
        return own_price(value, side > 0, terms)
    return Line(value, value, 0.0)


def limit_of(close: float, side: int, terms: Terms) -> tuple[Line, int, int]:
    """The price of a limit order, and what it is in units. A bar passes it beyond its touch."""
    exact, parts, tick = units_of(close, terms), 1 if terms.unit_parts > 0 else 0, terms.tick_units
    if terms.offset_ratio == 0.0:
        line = own_price(close, side > 0, terms)
    else:
        # What is beyond the price is beyond the nearest candle's price on the other side of it.
        level, part = close * (1.0 - side * terms.offset_ratio), terms.offset_part
        whole = 0 if part < 0 else parts * RATIO_PARTS
        exact *= RATIO_PARTS - side * part
        line = on_grid(level, close, exact, whole, tick, side > 0, side < 0, terms)
        parts = whole
    if tick > 0 and parts > 0:
        return line, units_of(line.price, terms), 1
    return line, exact, parts


def decided(
    close: float, equity: float, doubt: float, bar: int, side: int, signals: Signals, terms: Terms
) -> tuple[int, float, Line, int, int, float, float]:
    """Whether an order is sent (1, 0 or UNSURE), its quantity, its price, also in units, and what was measured for stop
    and target. `doubt`: of the equity."""
    nowhere = Line(math.nan, math.nan, 0.0)
    nothing, unsure = (0, 0.0, nowhere, 0, 0, 0.0, 0.0), (UNSURE, 0.0, nowhere, 0, 0, 0.0, 0.0)
    line, exact, parts = Line(close, close, 0.0), units_of(close, terms), 1 if terms.unit_parts > 0 else 0
    if terms.is_limit:
        line, exact, parts = limit_of(close, side, terms)
    price = line.price
    if line.doubt < 0.0:
        return unsure
    if not price > 0.0:
        return nothing
    stop_at = target_at = nowhere
    if terms.stop_by == BY_ATR or terms.stop_by == BY_PRICE:
        stop_at = measured(signals.stop[bar], terms.stop_by, side, terms)
        if stop_at.price != stop_at.price:
            return nothing
    if terms.target_by == BY_ATR or terms.target_by == BY_PRICE:
        target_at = measured(signals.target[bar], terms.target_by, side, terms)
        if target_at.price != target_at.price:
            return nothing
    stop, target = placed(price, exact, parts, stop_at.price, target_at.price, side, terms)
    trail = nowhere
    if terms.trail_ratio > 0.0 and terms.activate_ratio == 0.0:
        trail = trailed(price, exact, parts, side, terms)
    if min(stop_at.doubt, target_at.doubt, stop.doubt, target.doubt, trail.doubt) < 0.0:
        return unsure
    for level in (stop, target, trail):
        if level.doubt > 0.0 and abs(level.price) <= level.doubt:
            return unsure
        if level.price <= 0.0:
            return nothing
    for level, by, sign in ((stop, terms.stop_by, side), (target, terms.target_by, -side)):
        if by != BY_NOTHING:
            is_own = terms.tick_units > 0 or (by == BY_PRICE and terms.offset_ratio == 0.0)  # equal is equal
            if abs(price - level.price) <= NEAR * price and not (is_own and level.price == price):
                return unsure
            if not (price - level.price) * sign > 0.0:
                return nothing
    quantity = sized(price, stop.price, equity, doubt, terms)
    if quantity < 0.0:
        return unsure
    asked = quantity * price * (1.0 + terms.leverage * terms.taker_ratio)
    borne = equity * terms.leverage
    if abs(asked - borne) <= 4.0 * DOUBT * (asked + borne) + terms.leverage * doubt:
        return unsure
    if asked > borne:
        if terms.size_by == BASE or terms.size_by == QUOTE:
            return nothing
        per_unit = price * (1.0 + terms.leverage * terms.taker_ratio)
        quantity = counted(borne, per_unit, doubt / equity, terms)
        if quantity < 0.0:
            return unsure
    value = quantity * price
    if terms.min_notional > 0.0 and abs(value - terms.min_notional) <= NEAR * value:
        return unsure
    if quantity <= 0.0 or quantity < terms.min_quantity or value < terms.min_notional:
        return nothing
    return 1, quantity, line, exact, parts, stop_at.price, target_at.price


def sized(price: float, stop: float, equity: float, doubt: float, terms: Terms) -> float:
    """The quantity asked for; -1: unsure."""
    if terms.size_by == QUOTE:
        return counted(terms.size, price, 0.0, terms)
    if terms.size_by == EQUITY_PCT:
        return counted(equity * terms.size, price, doubt / equity, terms)
    if terms.size_by == RISK_PCT:
        distance = abs(price - stop)
        near = 4.0 * DOUBT * (price + stop)
        return counted(equity * terms.size, distance, doubt / equity + near / distance, terms)
    return terms.size
