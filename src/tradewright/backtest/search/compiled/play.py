"""The bars of a `signal` run as one loop: `backtest.signal` again, step by step and in the same order, in doubles.

Where a double could fall on the other side of a line than the decimal (a level that a price touches to the last digit,
a quantity at the edge of a step, an equity at a limit), it does not guess: it answers UNSURE, and the set is run by the
plain engine. So its trades are the plain engine's, or there are none. How much a sum of money may err is kept beside it
(`doubt`), and grows with every trade.

To be compiled (`machine`); runs, slowly, as it stands too. One function, for what it remembers between bars is a few
dozen locals, which is what makes it quick.
"""

from __future__ import annotations

import math

from tradewright.backtest.search.compiled.layout import (
    AMBIGUOUS,
    BARS,
    BY_PRICE,
    CASH,
    DAILY_LOSS,
    DAY_MS,
    DOUBT,
    DRAWDOWN_PCT,
    END_OF_DATA,
    ENTRY,
    ENTRY_MS,
    EXIT,
    EXIT_MS,
    EXIT_RULE,
    FEES,
    FUNDING,
    HELD,
    LAST_BAR,
    LIMIT,
    LIQUIDATION,
    LONG,
    MARKET,
    MAX_BARS,
    NONE,
    PNL,
    PNL_PCT,
    QUANTITY,
    RATIO_PARTS,
    REASON,
    SHORT,
    SIDE,
    STOP_LOSS,
    TAKE_PROFIT,
    UNSURE,
    Bars,
    Line,
    Signals,
    Tape,
    Terms,
)
from tradewright.backtest.search.compiled.numbers import (
    money_doubt,
    of_ratio,
    on_grid,
    own_price,
    passed,
    reached,
    units_of,
)
from tradewright.backtest.search.compiled.orders import decided, nearest_stop, placed, trailed


def told(
    tape: Tape, count: int, side: int, entry_ms: int, exit_ms: int, reason: int, bars: int, ambiguous: bool
) -> None:
    """Writes what of a trade is whole."""
    row = tape.whole[count]
    row[SIDE], row[ENTRY_MS], row[EXIT_MS], row[REASON], row[BARS] = side, entry_ms, exit_ms, reason, bars
    row[AMBIGUOUS] = 1 if ambiguous else 0


def settled(
    tape: Tape, count: int, side: int, quantity: float, entry: float, left: float, fees: float, funding: float
) -> float:
    """Writes a trade's money, and says what it made."""
    pnl = side * (left - entry) * quantity - fees - funding
    if abs(pnl) <= money_doubt(entry, left, quantity, fees + abs(funding)):
        pnl = 0.0
    row = tape.doubles[count]
    row[QUANTITY], row[ENTRY], row[EXIT], row[FEES], row[FUNDING], row[PNL] = quantity, entry, left, fees, funding, pnl
    row[PNL_PCT] = 100.0 * pnl / (entry * quantity)
    return pnl


def play(bars: Bars, signals: Signals, terms: Terms, tape: Tape) -> int:
    """Plays the bars; how many trades there are, or UNSURE. Letters and numbers of steps are the contract's, 3.1."""
    first, last = bars.first, bars.last
    opens, highs, lows, closes, days = bars.open, bars.high, bars.low, bars.close, bars.day
    daily = tape.daily
    cash, doubt, count = terms.capital, DOUBT * terms.capital, 0
    # The position.
    side, quantity, entry, entry_ms = 0, 0.0, 0.0, 0
    fees, funding, held, ambiguous = 0.0, 0.0, 0, False
    nowhere = Line(math.nan, math.nan, 0.0)
    stop, trail, liquidation, target, activation, guard = nowhere, nowhere, nowhere, nowhere, nowhere, nowhere
    best, guard_reason = 0.0, STOP_LOSS
    leaving = HELD
    # An order that waits.
    waiting, order_side, order_quantity, stop_at, target_at = NONE, 0, 0.0, math.nan, math.nan
    limit, limit_exact, limit_parts, limit_last = nowhere, 0, 0, 0
    # Brakes.
    watches = terms.keep_ratio == terms.keep_ratio
    next_day_ms = (bars.open_ms[first] // DAY_MS + 1) * DAY_MS
    least = terms.capital * terms.keep_ratio if watches else 0.0
    least_doubt = 4.0 * DOUBT * terms.capital
    tripped, entry_day, entries, free_from = False, -1, 0, -1
    follows = terms.trail_ratio > 0.0
    moves = terms.stop_by == BY_PRICE or terms.target_by == BY_PRICE
    due, dues = 0, len(bars.funding_bar)
    peak, drawdown = terms.capital, 0.0
    bar = first
    while True:
        if side == 0 and waiting == NONE:
            begun = bar
            while bar < last and signals.enter[bar] == 0:
                bar += 1
            for day in range(days[begun], days[bar] + 1):
                daily[day] = cash
            if bar == last:
                break
            equity, equity_doubt = cash, doubt
        else:
            while due < dues and bars.funding_bar[due] < bar:
                due += 1
            if side != 0 and waiting == NONE and leaving == HELD and not watches and not moves:
                # Bars in which nothing can happen: no price reaches a level, no rule is true, nothing is due.
                until = last if due == dues else min(last, bars.funding_bar[due])
                if terms.max_bars > 0:
                    until = min(until, bar + terms.max_bars - held - 1)
                below, above = -math.inf, math.inf
                if side > 0:
                    if guard.touch == guard.touch:
                        below = guard.touch + guard.doubt
                    if target.touch == target.touch:
                        above = target.touch - target.doubt
                    if follows:
                        above = min(above, best)
                else:
                    if guard.touch == guard.touch:
                        above = guard.touch - guard.doubt
                    if target.touch == target.touch:
                        below = target.touch + target.doubt
                    if follows:
                        below = max(below, best)
                rule = signals.exit_long if side > 0 else signals.exit_short
                has_rule = len(rule) > 0
                net = side * quantity
                base = cash - net * entry - fees - funding
                little = 1e-6 * (abs(base) + entry * quantity)
                while bar < until and lows[bar] > below and highs[bar] < above and not (has_rule and rule[bar] == 1):
                    equity = base + net * closes[bar]
                    if equity <= little:
                        break
                    daily[days[bar]] = equity
                    if equity > peak:
                        peak = equity
                    elif peak - equity > drawdown * peak:
                        drawdown = (peak - equity) / peak
                    held += 1
                    bar += 1
            opened, high, low, close = opens[bar], highs[bar], lows[bar], closes[bar]
            time_ms = bars.open_ms[bar]
            # a: funding on what was held before.
            if due < dues and bars.funding_bar[due] == bar and side != 0:
                paid = side * bars.funding_ratio[due] * quantity * closes[bar - 1]
                funding += paid
                doubt += DOUBT * (abs(paid) + abs(funding))
            # b: what was decided at the last close.
            hit, hit_price = HELD, 0.0
            if side != 0 and leaving != HELD:
                left = opened * (1.0 - side * terms.slippage_ratio)
                fees += quantity * left * terms.taker_ratio
                told(tape, count, side, entry_ms, time_ms, leaving, held, ambiguous)
                cash += settled(tape, count, side, quantity, entry, left, fees, funding)
                doubt += money_doubt(entry, left, quantity, abs(cash))
                count += 1
                side, free_from = 0, bar + terms.cooldown_bars
            fills, inside, beyond = False, False, False
            price, rate = opened * (1.0 + order_side * terms.slippage_ratio), terms.taker_ratio
            exact, parts = 0, 0
            if waiting == MARKET:
                fills = True
                if terms.unit_parts > 0 and terms.slippage_part >= 0:
                    exact = units_of(opened, terms) * (RATIO_PARTS + order_side * terms.slippage_part)
                    parts = RATIO_PARTS
            elif waiting == LIMIT:  # c
                at_open = passed(opened, limit, order_side > 0)
                within = passed(low if order_side > 0 else high, limit, order_side > 0)
                if at_open == 2 or within == 2:
                    return UNSURE
                beyond = at_open == 1
                inside = not beyond and within == 1
                fills, price, rate = beyond or inside, limit.price, terms.maker_ratio
                exact, parts = limit_exact, limit_parts
            if fills:
                side, quantity, entry, entry_ms, waiting = order_side, order_quantity, price, time_ms, NONE
                fees, funding, held, ambiguous, leaving = quantity * entry * rate, 0.0, 0, False, HELD
                stop, target = placed(entry, exact, parts, stop_at, target_at, side, terms)
                trail, activation, best = nowhere, nowhere, entry
                if follows and terms.activate_ratio > 0.0:
                    ratio, part = terms.activate_ratio, terms.activate_part
                    activation = of_ratio(entry, exact, parts, ratio, part, side, False, 0, terms)
                elif follows:
                    trail = trailed(entry, exact, parts, side, terms)
                ratio = terms.liquidation_long_ratio if side > 0 else terms.liquidation_short_ratio
                if ratio == ratio:
                    liquidation = on_grid(entry * ratio, entry, 0, 0, 0, side > 0, side > 0, terms)
                guard, guard_reason = nearest_stop(stop, trail, liquidation, side, terms)
                if min(stop.doubt, target.doubt, trail.doubt, activation.doubt, liquidation.doubt) < 0.0:
                    return UNSURE
                if guard_reason == UNSURE:
                    return UNSURE
                day = time_ms // DAY_MS
                entries = entries + 1 if day == entry_day else 1
                entry_day = day
            if side != 0:  # d
                favourable, adverse = (high, low) if side > 0 else (low, high)
                at_stop = reached(adverse, guard, side > 0)
                at_target = reached(favourable, target, side < 0)
                open_at_stop = reached(opened, guard, side > 0)
                open_at_target = reached(opened, target, side < 0)
                if at_stop == 2 or at_target == 2 or open_at_stop == 2 or open_at_target == 2:
                    return UNSURE
                if inside:
                    if at_target == 1:
                        ambiguous = True
                    if at_stop == 1:
                        hit, hit_price = guard_reason, guard.price
                elif open_at_stop == 1:
                    hit, hit_price = guard_reason, opened
                    ambiguous = ambiguous or beyond
                elif open_at_target == 1:
                    hit, hit_price = TAKE_PROFIT, opened
                elif at_stop == 1:
                    hit, hit_price = guard_reason, guard.price
                    if at_target == 1:
                        ambiguous = True
                elif at_target == 1:
                    hit, hit_price = TAKE_PROFIT, target.price
                if hit != HELD:
                    left = hit_price if hit == LIQUIDATION else hit_price * (1.0 - side * terms.slippage_ratio)
                    fees += quantity * left * terms.taker_ratio
                    told(tape, count, side, entry_ms, time_ms, hit, held, ambiguous)
                    cash += settled(tape, count, side, quantity, entry, left, fees, funding)
                    doubt += money_doubt(entry, left, quantity, abs(cash))
                    count += 1
                    side, free_from = 0, bar + terms.cooldown_bars
            # e1: best and levels.
            if side != 0:
                held += 1
                moved = False
                extreme = high if side > 0 else low
                if follows and (extreme - best) * side > 0.0:
                    best = extreme
                    is_active = activation.price != activation.price
                    if not is_active:
                        reaches = reached(best, activation, side < 0)
                        if reaches == 2:
                            return UNSURE
                        if reaches == 1:
                            is_active, activation = True, nowhere
                    if is_active:
                        whole = 1 if terms.unit_parts > 0 else 0
                        line = trailed(best, units_of(best, terms), whole, side, terms)
                        if line.doubt < 0.0:
                            return UNSURE
                        if trail.price != trail.price or (line.price - trail.price) * side > 0.0:
                            trail, moved = line, True
                if terms.stop_by == BY_PRICE and signals.stop[bar] == signals.stop[bar]:
                    line = own_price(signals.stop[bar], side > 0, terms)
                    if line.doubt < 0.0:
                        return UNSURE
                    if line.price > 0.0 and (line.price - stop.price) * side > 0.0:
                        stop, moved = line, True
                if terms.target_by == BY_PRICE and signals.target[bar] == signals.target[bar]:
                    line = own_price(signals.target[bar], side > 0, terms)
                    if line.doubt < 0.0:
                        return UNSURE
                    if line.price > 0.0:
                        target = line
                if moved:
                    guard, guard_reason = nearest_stop(stop, trail, liquidation, side, terms)
                    if guard_reason == UNSURE:
                        return UNSURE
            equity, equity_doubt = cash, doubt
            if side != 0:
                equity += side * (close - entry) * quantity - fees - funding
                equity_doubt += money_doubt(entry, close, quantity, abs(fees) + abs(funding))
            if abs(equity) <= equity_doubt:
                return UNSURE
            is_ruined = equity < 0.0
            if is_ruined or bar == last:
                if side != 0:
                    fees += quantity * close * terms.taker_ratio
                    told(tape, count, side, entry_ms, time_ms + bars.length_ms, END_OF_DATA, held, ambiguous)
                    cash += settled(tape, count, side, quantity, entry, close, fees, funding)
                    count += 1
                daily[days[bar]] = cash
                drawdown = max(drawdown, (peak - cash) / peak)
                break
            daily[days[bar]] = equity
            peak = max(peak, equity)
            drawdown = max(drawdown, (peak - equity) / peak)
        close_ms = bars.open_ms[bar] + bars.length_ms
        # e2: brakes.
        if watches:
            if close_ms >= next_day_ms:
                next_day_ms = (close_ms // DAY_MS + 1) * DAY_MS
                tripped = False
                least, least_doubt = equity * terms.keep_ratio, equity_doubt + 4.0 * DOUBT * abs(equity)
            if not tripped:
                if abs(equity - least) <= equity_doubt + least_doubt:
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
        if flags != 0 and flags != LONG + SHORT and (side == 0 or leaving != HELD) and waiting == NONE:
            is_braked = tripped or bar < free_from or (side != 0 and terms.cooldown_bars > 0)
            if terms.max_entries > 0 and close_ms // DAY_MS == entry_day and entries >= terms.max_entries:
                is_braked = True
            if len(bars.shut) > 0 and bars.shut[bar] == 1:
                is_braked = True
            if not is_braked:
                order_side = 1 if flags == LONG else -1
                code, order_quantity, limit, limit_exact, limit_parts, stop_at, target_at = decided(
                    closes[bar], equity, equity_doubt, bar, order_side, signals, terms
                )
                if code == UNSURE:
                    return UNSURE
                if code == 1:
                    waiting, limit_last = LIMIT if terms.is_limit else MARKET, bar + terms.expire_bars
        bar += 1
    tape.totals[CASH], tape.totals[DRAWDOWN_PCT], tape.totals[LAST_BAR] = cash, 100.0 * drawdown, bar
    return count
