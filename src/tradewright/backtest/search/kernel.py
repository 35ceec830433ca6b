"""The bars of a `signal` run as one loop over doubles, written to be compiled: what a sweep runs once per set.

It is `backtest.signal` again, step by step and in the same order, with two differences. Money is in doubles. And where
a double could fall on the other side of a line than the decimal (a level that a price touches to the last digit, a
quantity at the edge of a step), it does not guess: it answers UNSURE, and the set is run by the plain engine. So its
trades are the plain engine's, or there are none.

Nothing here is compiled yet (`compiled`), so it can be run, slowly, as it stands. Not here: what comes in (`terms`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Small = NDArray[np.uint8]

UNSURE = -1  # the number of trades of a run that has to be left to the plain engine
NEAR = 1e-12  # doubles of prices that differ by less, relatively, may be equal as decimals
NEAR_MONEY = 1e-10  # sums of many trades err more
NEAR_STEP = 1e-11  # of a quantity or price counted in steps
DAY_MS = 86_400_000
WHOLE_MAX = 1e15  # beyond it doubles cannot tell a whole number from what is beside it

LONG, SHORT = 1, 2  # bits of an entry flag
NONE, MARKET, LIMIT = 0, 1, 2  # what waits to be filled
# What exits are called; `terms.REASONS` has the words.
HELD, EXIT_RULE, STOP_LOSS, TAKE_PROFIT, TRAILING, MAX_BARS, DAILY_LOSS, END_OF_DATA, LIQUIDATION = range(9)
BY_NOTHING, BY_PCT, BY_ATR, BY_PRICE, BY_RR = range(5)
BASE, QUOTE, EQUITY_PCT, RISK_PCT = range(4)

# Columns of `Tape.whole` and `Tape.doubles`.
SIDE, ENTRY_MS, EXIT_MS, REASON, BARS, AMBIGUOUS = range(6)
QUANTITY, ENTRY, EXIT, FEES, FUNDING, PNL, PNL_PCT = range(7)
# Places of `Tape.totals`.
CASH, DRAWDOWN_PCT, LAST_BAR, RUINED = range(4)


class Bars(NamedTuple):
    """`day`: which UTC day of the run a bar opens in, from 0. `shut`: 1 where hours and days let no entry be decided;
    empty: nowhere. `first`, `last`: the bars that are run."""

    open_ms: Whole
    open: Doubles
    high: Doubles
    low: Doubles
    close: Doubles
    day: Whole
    shut: Small
    funding_bar: Whole
    funding_ratio: Doubles
    length_ms: int
    first: int
    last: int


class Signals(NamedTuple):
    """By bar. `enter`: bits; exits: 1 where the rule is true, empty without one; stop and target: the ATR or the price,
    empty without one."""

    enter: Small
    exit_long: Small
    exit_short: Small
    stop: Doubles
    target: Doubles


class Terms(NamedTuple):
    """Numbers of the plan and the settings. Ratios are of 1. `ticks` and `steps`: tick and step are whole/parts of one,
    both whole numbers; `tick_whole` 0: no tick. -1 or NaN: there is none."""

    is_limit: bool
    offset_ratio: float
    expire_bars: int
    size_by: int
    size: float
    stop_by: int
    stop: float
    target_by: int
    target: float
    trail_ratio: float
    activate_ratio: float
    max_bars: int
    liquidation_long_ratio: float
    liquidation_short_ratio: float
    leverage: float
    taker_ratio: float
    maker_ratio: float
    slippage_ratio: float
    tick_whole: float
    tick_parts: float
    step_whole: float
    step_parts: float
    min_quantity: float
    min_notional: float
    capital: float
    max_entries: int
    cooldown_bars: int
    keep_ratio: float


class Tape(NamedTuple):
    """What a run writes: a row for each trade, the equity at the end of each day, totals."""

    whole: Whole
    doubles: Doubles
    daily: Doubles
    totals: Doubles


def rounded(level: float, is_exact: bool, down: bool, terms: Terms) -> tuple[float, float]:
    """An order's price on the tick, and how near to it is too near to tell: 0 for exact ones, -1: it cannot be rounded
    surely. `is_exact`: the double stands for its own text and not for the result of a calculation."""
    if terms.tick_whole == 0.0 or not level > 0.0:
        return level, 0.0 if is_exact else NEAR * abs(level)
    ticks = level * terms.tick_parts / terms.tick_whole
    if not ticks < WHOLE_MAX:
        return level, -1.0
    nearest = float(math.floor(ticks + 0.5))
    if abs(ticks - nearest) <= NEAR_STEP * ticks + 1e-9:
        if not is_exact:
            return level, -1.0
        on_tick = nearest * terms.tick_whole / terms.tick_parts
        if on_tick != level and (level < on_tick) == down:
            nearest += -1.0 if down else 1.0
    else:
        nearest = float(math.floor(ticks) if down else math.ceil(ticks))
    return nearest * terms.tick_whole / terms.tick_parts, 0.0


def counted(value: float, per_unit: float, terms: Terms) -> float:
    """`value / per_unit` in whole steps, never more; -1: it is too near to a whole one to be sure."""
    steps = value / per_unit * terms.step_parts / terms.step_whole
    if not steps < WHOLE_MAX or abs(steps - math.floor(steps + 0.5)) <= NEAR_STEP * steps + 1e-9:
        return -1.0
    return math.floor(steps) * terms.step_whole / terms.step_parts


def reached(price: float, level: float, tolerance: float, downward: bool) -> int:
    """Whether a price is at or beyond a level: 1, 0, or 2 for unsure. NaN: there is no level."""
    if level != level:
        return 0
    if tolerance > 0.0 and abs(price - level) <= tolerance:
        return 2
    return 1 if (price <= level if downward else price >= level) else 0


def passed(price: float, level: float, tolerance: float, downward: bool) -> int:
    """The same, beyond it only."""
    if tolerance > 0.0 and abs(price - level) <= tolerance:
        return 2
    return 1 if (price < level if downward else price > level) else 0


def nearest_stop(
    stop: float, stop_tol: float, trail: float, trail_tol: float, liquidation: float, side: int
) -> tuple[float, float, int]:
    """The stop that counts, its tolerance and its reason (UNSURE where two are too near to tell)."""
    level, tolerance, reason = stop, stop_tol, STOP_LOSS
    if trail == trail:
        if level != level:
            level, tolerance, reason = trail, trail_tol, TRAILING
        elif trail != level and abs(trail - level) <= max(tolerance, trail_tol):
            reason = UNSURE
        elif (trail - level) * side > 0.0:
            level, tolerance, reason = trail, trail_tol, TRAILING
    if liquidation == liquidation:
        near = NEAR * abs(liquidation)
        if level != level:
            level, tolerance, reason = liquidation, near, LIQUIDATION
        elif abs(liquidation - level) <= near:
            reason = UNSURE
        elif (liquidation - level) * side > 0.0:
            level, tolerance, reason = liquidation, near, LIQUIDATION
    return level, tolerance, reason


def placed(
    entry: float, stop_at: float, target_at: float, side: int, terms: Terms
) -> tuple[float, float, float, float]:
    """Stop and target of a position opened at `entry`, with their tolerances (NaN: none; tolerance -1: not sure).
    `stop_at`, `target_at`: the ATR or the rounded price that was measured at the decision."""
    down = side > 0
    stop, stop_tol, target, target_tol = math.nan, 0.0, math.nan, 0.0
    if terms.stop_by == BY_PCT:
        stop, stop_tol = rounded(entry * (1.0 - side * terms.stop), False, down, terms)
    elif terms.stop_by == BY_ATR:
        stop, stop_tol = rounded(entry - side * terms.stop * stop_at, False, down, terms)
    elif terms.stop_by == BY_PRICE:
        stop = stop_at
    if terms.target_by == BY_PCT:
        target, target_tol = rounded(entry * (1.0 + side * terms.target), False, down, terms)
    elif terms.target_by == BY_ATR:
        target, target_tol = rounded(entry + side * terms.target * target_at, False, down, terms)
    elif terms.target_by == BY_PRICE:
        target = target_at
    elif terms.target_by == BY_RR:
        target, target_tol = rounded(entry + side * terms.target * abs(entry - stop), False, down, terms)
    return stop, stop_tol, target, target_tol


def written(
    tape: Tape, count: int, side: int, entry_ms: int, exit_ms: int, reason: int, bars: int, ambiguous: bool
) -> None:
    row = tape.whole[count]
    row[SIDE], row[ENTRY_MS], row[EXIT_MS], row[REASON], row[BARS] = side, entry_ms, exit_ms, reason, bars
    row[AMBIGUOUS] = 1 if ambiguous else 0


def settled(
    tape: Tape, count: int, side: int, quantity: float, entry: float, left: float, fees: float, funding: float
) -> None:
    pnl = side * (left - entry) * quantity - fees - funding
    row = tape.doubles[count]
    row[QUANTITY], row[ENTRY], row[EXIT], row[FEES], row[FUNDING], row[PNL] = quantity, entry, left, fees, funding, pnl
    row[PNL_PCT] = 100.0 * pnl / (entry * quantity)


def play(bars: Bars, signals: Signals, terms: Terms, tape: Tape) -> int:
    """Plays the bars; how many trades there are, or UNSURE. Steps and letters are those of the contract's 3.1."""
    first, last = bars.first, bars.last
    cash = terms.capital
    count = 0
    # The position.
    side, quantity, entry, entry_ms = 0, 0.0, 0.0, 0
    fees, funding, held, ambiguous = 0.0, 0.0, 0, False
    stop, stop_tol, trail, trail_tol, liquidation = math.nan, 0.0, math.nan, 0.0, math.nan
    target, target_tol, best, activation = math.nan, 0.0, 0.0, math.nan
    guard, guard_tol, guard_reason = math.nan, 0.0, STOP_LOSS
    leaving = HELD
    # An order that waits.
    waiting, order_side, order_quantity, stop_at, target_at = NONE, 0, 0.0, math.nan, math.nan
    limit, limit_tol, limit_last = 0.0, 0.0, 0
    # Brakes.
    watches = terms.keep_ratio == terms.keep_ratio
    next_day_ms = (bars.open_ms[first] // DAY_MS + 1) * DAY_MS
    least = terms.capital * terms.keep_ratio if watches else 0.0
    tripped, entry_day, entries, free_from = False, -1, 0, -1
    due = 0
    peak, drawdown = terms.capital, 0.0
    ruined = False
    bar = first
    while True:
        if side == 0 and waiting == NONE:
            while bar < last and signals.enter[bar] == 0:
                tape.daily[bars.day[bar]] = cash
                bar += 1
            if bar >= last:
                bar = last
                tape.daily[bars.day[bar]] = cash
                break
            equity = cash
        else:
            # a: funding on what was held before.
            while due < len(bars.funding_bar) and bars.funding_bar[due] < bar:
                due += 1
            if due < len(bars.funding_bar) and bars.funding_bar[due] == bar and side != 0:
                paid = side * bars.funding_ratio[due] * quantity * bars.close[bar - 1]
                funding += paid
                cash -= paid
            opened, high, low, close = bars.open[bar], bars.high[bar], bars.low[bar], bars.close[bar]
            time_ms = bars.open_ms[bar]
            # b: what was decided at the last close.
            if side != 0 and leaving != HELD:
                left = opened * (1.0 - side * terms.slippage_ratio)
                fee = quantity * left * terms.taker_ratio
                cash += side * quantity * left - fee
                written(tape, count, side, entry_ms, time_ms, leaving, held, ambiguous)
                settled(tape, count, side, quantity, entry, left, fees + fee, funding)
                count += 1
                side, free_from = 0, bar + terms.cooldown_bars
            fills, inside, beyond = False, False, False
            price, rate = opened * (1.0 + order_side * terms.slippage_ratio), terms.taker_ratio
            if waiting == MARKET:
                fills = True
            elif waiting == LIMIT:  # c
                at_open = passed(opened, limit, limit_tol, order_side > 0)
                within = passed(low if order_side > 0 else high, limit, limit_tol, order_side > 0)
                if at_open == 2 or within == 2:
                    return UNSURE
                beyond = at_open == 1
                inside = not beyond and within == 1
                fills, price, rate = beyond or inside, limit, terms.maker_ratio
            if fills:
                side, quantity, entry, entry_ms, waiting = order_side, order_quantity, price, time_ms, NONE
                fees, funding, held, ambiguous, leaving = quantity * entry * rate, 0.0, 0, False, HELD
                cash -= side * quantity * entry + fees
                stop, stop_tol, target, target_tol = placed(entry, stop_at, target_at, side, terms)
                trail, trail_tol, activation, best = math.nan, 0.0, math.nan, entry
                if terms.trail_ratio > 0.0:
                    if terms.activate_ratio > 0.0:
                        activation = entry * (1.0 + side * terms.activate_ratio)
                    else:
                        trail, trail_tol = rounded(entry * (1.0 - side * terms.trail_ratio), False, side > 0, terms)
                liquidation = entry * (terms.liquidation_long_ratio if side > 0 else terms.liquidation_short_ratio)
                guard, guard_tol, guard_reason = nearest_stop(stop, stop_tol, trail, trail_tol, liquidation, side)
                if stop_tol < 0.0 or target_tol < 0.0 or trail_tol < 0.0 or guard_reason == UNSURE:
                    return UNSURE
                day = time_ms // DAY_MS
                entries = entries + 1 if day == entry_day else 1
                entry_day = day
            if side != 0:  # d
                favourable, adverse = (high, low) if side > 0 else (low, high)
                hit, hit_price = HELD, 0.0
                at_stop = reached(adverse, guard, guard_tol, side > 0)
                at_target = reached(favourable, target, target_tol, side < 0)
                open_at_stop = reached(opened, guard, guard_tol, side > 0)
                open_at_target = reached(opened, target, target_tol, side < 0)
                if at_stop == 2 or at_target == 2 or open_at_stop == 2 or open_at_target == 2:
                    return UNSURE
                if inside:
                    if at_target == 1:
                        ambiguous = True
                    if at_stop == 1:
                        hit, hit_price = guard_reason, guard
                elif open_at_stop == 1:
                    hit, hit_price = guard_reason, opened
                    ambiguous = ambiguous or beyond
                elif open_at_target == 1:
                    hit, hit_price = TAKE_PROFIT, opened
                elif at_stop == 1:
                    hit, hit_price = guard_reason, guard
                    if at_target == 1:
                        ambiguous = True
                elif at_target == 1:
                    hit, hit_price = TAKE_PROFIT, target
                if hit != HELD:
                    left = hit_price if hit == LIQUIDATION else hit_price * (1.0 - side * terms.slippage_ratio)
                    fee = quantity * left * terms.taker_ratio
                    cash += side * quantity * left - fee
                    written(tape, count, side, entry_ms, time_ms, hit, held, ambiguous)
                    settled(tape, count, side, quantity, entry, left, fees + fee, funding)
                    count += 1
                    side, free_from = 0, bar + terms.cooldown_bars
            # e1: best and levels.
            if side != 0:
                held += 1
                moved = False
                extreme = high if side > 0 else low
                if terms.trail_ratio > 0.0 and (extreme - best) * side > 0.0:
                    best = extreme
                    is_active = activation != activation
                    if not is_active:
                        reaches = reached(best, activation, NEAR * activation, side < 0)
                        if reaches == 2:
                            return UNSURE
                        if reaches == 1:
                            is_active, activation = True, math.nan
                    if is_active:
                        level, tolerance = rounded(best * (1.0 - side * terms.trail_ratio), False, side > 0, terms)
                        if tolerance < 0.0:
                            return UNSURE
                        if trail != trail or (level - trail) * side > 0.0:
                            trail, trail_tol, moved = level, tolerance, True
                if terms.stop_by == BY_PRICE and signals.stop[bar] == signals.stop[bar]:
                    level, tolerance = rounded(signals.stop[bar], True, side > 0, terms)
                    if level > 0.0 and (level - stop) * side > 0.0:
                        stop, moved = level, True
                if terms.target_by == BY_PRICE and signals.target[bar] == signals.target[bar]:
                    level, tolerance = rounded(signals.target[bar], True, side > 0, terms)
                    if level > 0.0:
                        target = level
                if moved:
                    guard, guard_tol, guard_reason = nearest_stop(stop, stop_tol, trail, trail_tol, liquidation, side)
                    if guard_reason == UNSURE:
                        return UNSURE
            equity = cash + side * quantity * close if side != 0 else cash
            if abs(equity) <= NEAR_MONEY * (abs(cash) + abs(equity - cash)):
                return UNSURE
            ruined = equity <= 0.0
            if ruined or bar == last:
                if side != 0:
                    fee = quantity * close * terms.taker_ratio
                    cash += side * quantity * close - fee
                    written(tape, count, side, entry_ms, time_ms + bars.length_ms, END_OF_DATA, held, ambiguous)
                    settled(tape, count, side, quantity, entry, close, fees + fee, funding)
                    count += 1
                    side = 0
                equity = cash
                tape.daily[bars.day[bar]] = equity
                if equity < peak:
                    drawdown = max(drawdown, (peak - equity) / peak)
                break
            tape.daily[bars.day[bar]] = equity
            if equity > peak:
                peak = equity
            else:
                drawdown = max(drawdown, (peak - equity) / peak)
        close_ms = bars.open_ms[bar] + bars.length_ms
        # e2: brakes.
        if watches:
            if close_ms >= next_day_ms:
                next_day_ms = (close_ms // DAY_MS + 1) * DAY_MS
                tripped = False
                least = equity * terms.keep_ratio
            if not tripped:
                if abs(equity - least) <= NEAR_MONEY * (abs(cash) + abs(equity - cash) + abs(least)):
                    return UNSURE
                tripped = equity < least
        # e3: exits.
        if side != 0:
            rule = signals.exit_long if side > 0 else signals.exit_short
            if tripped:
                leaving = DAILY_LOSS
            elif len(rule) > 0 and rule[bar] == 1:
                leaving = EXIT_RULE
            elif terms.max_bars > 0 and held >= terms.max_bars:
                leaving = MAX_BARS
            else:
                leaving = HELD
        # e4: an order that waits.
        if waiting == LIMIT:
            rule = signals.exit_long if order_side > 0 else signals.exit_short
            if tripped or bar >= limit_last or (len(rule) > 0 and rule[bar] == 1):
                waiting = NONE
        # e5: entries.
        flags = signals.enter[bar]
        is_free = side == 0 or leaving != HELD
        if flags != 0 and flags != LONG + SHORT and is_free and waiting == NONE:
            is_braked = tripped or bar < free_from or (side != 0 and terms.cooldown_bars > 0)
            if terms.max_entries > 0 and close_ms // DAY_MS == entry_day and entries >= terms.max_entries:
                is_braked = True
            if len(bars.shut) > 0 and bars.shut[bar] == 1:
                is_braked = True
            if not is_braked:
                order_side = 1 if flags == LONG else -1
                code, order_quantity, limit, limit_tol, stop_at, target_at = decided(
                    bars.close[bar], equity, bar, order_side, signals, terms
                )
                if code == UNSURE:
                    return UNSURE
                if code == 1:
                    waiting, limit_last = LIMIT if terms.is_limit else MARKET, bar + terms.expire_bars
        bar += 1
    tape.totals[CASH], tape.totals[DRAWDOWN_PCT], tape.totals[LAST_BAR] = cash, 100.0 * drawdown, bar
    tape.totals[RUINED] = 1.0 if ruined else 0.0
    return count


def decided(
    close: float, equity: float, bar: int, side: int, signals: Signals, terms: Terms
) -> tuple[int, float, float, float, float, float]:
    """The checks of 3.2: whether an order is sent (1, 0 or UNSURE), its quantity, its price with tolerance, and what
    was measured for stop and target."""
    stop_at, target_at = math.nan, math.nan
    nothing = (0, 0.0, 0.0, 0.0, math.nan, math.nan)
    unsure = (UNSURE, 0.0, 0.0, 0.0, math.nan, math.nan)
    price, tolerance = close, 0.0
    if terms.is_limit and terms.offset_ratio > 0.0:
        price, tolerance = rounded(close * (1.0 - side * terms.offset_ratio), False, side > 0, terms)
    elif terms.is_limit:
        price, tolerance = rounded(close, True, side > 0, terms)
    if tolerance < 0.0:
        return unsure
    if not price > 0.0:
        return nothing
    if terms.stop_by == BY_ATR or terms.stop_by == BY_PRICE:
        stop_at = signals.stop[bar]
        if stop_at != stop_at:
            return nothing
        if terms.stop_by == BY_PRICE:
            stop_at, _ = rounded(stop_at, True, side > 0, terms)
    if terms.target_by == BY_ATR or terms.target_by == BY_PRICE:
        target_at = signals.target[bar]
        if target_at != target_at:
            return nothing
        if terms.target_by == BY_PRICE:
            target_at, _ = rounded(target_at, True, side > 0, terms)
    stop, stop_tol, target, target_tol = placed(price, stop_at, target_at, side, terms)
    if stop_tol < 0.0 or target_tol < 0.0:
        return unsure
    if stop <= 0.0 or target <= 0.0:
        return nothing
    if terms.trail_ratio > 0.0 and terms.activate_ratio == 0.0:
        trail, trail_tol = rounded(price * (1.0 - side * terms.trail_ratio), False, side > 0, terms)
        if trail_tol < 0.0:
            return unsure
        if trail <= 0.0:
            return nothing
    for level, level_tol, sign in ((stop, stop_tol, side), (target, target_tol, -side)):
        if level == level:
            near = max(level_tol, tolerance)
            if near > 0.0 and abs(price - level) <= near:
                return unsure
            if not (price - level) * sign > 0.0:
                return nothing
    quantity = terms.size
    if terms.size_by == QUOTE:
        quantity = counted(terms.size, price, terms)
    elif terms.size_by == EQUITY_PCT:
        quantity = counted(equity * terms.size, price, terms)
    elif terms.size_by == RISK_PCT:
        quantity = counted(equity * terms.size, abs(price - stop), terms)
    if quantity < 0.0:
        return unsure
    asked = quantity * price * (1.0 + terms.leverage * terms.taker_ratio)
    borne = equity * terms.leverage
    if abs(asked - borne) <= NEAR_MONEY * (abs(asked) + abs(borne)) and quantity > 0.0:
        return unsure
    if asked > borne:
        if terms.size_by == BASE or terms.size_by == QUOTE:
            return nothing
        quantity = counted(borne, price * (1.0 + terms.leverage * terms.taker_ratio), terms)
        if quantity < 0.0:
            return unsure
    value = quantity * price
    if terms.min_notional > 0.0 and abs(value - terms.min_notional) <= NEAR * value:
        return unsure
    if quantity <= 0.0 or quantity < terms.min_quantity or value < terms.min_notional:
        return nothing
    return 1, quantity, price, tolerance, stop_at, target_at
