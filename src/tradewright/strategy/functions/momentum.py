"""Momentum: how far and how steadily a value moved over n bars (how a step is written: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.averages import cells_ema, ema, sma
from tradewright.strategy.functions.rings import (
    before,
    cells_extreme,
    cells_total,
    extreme,
)
from tradewright.strategy.functions.steps import NAN, is_flat


def cells_rsi(n: int) -> int:
    return 4


def rsi(s: list[float], o: int, n: float, x: float) -> float:
    """Cells: bars seen up to n + 1, x before, gains, losses (sums, then Wilder's averages)."""
    seen = s[o]
    move = x - s[o + 1]
    s[o + 1] = x
    if seen <= n:
        s[o] = seen + 1.0
        if seen == 0.0:
            return NAN
        if move < 0.0:
            s[o + 3] -= move
        else:
            s[o + 2] += move
        if seen < n:
            return NAN
        gains = s[o + 2] / n
        losses = s[o + 3] / n
    else:
        gains = s[o + 2] * (n - 1.0)
        losses = s[o + 3] * (n - 1.0)
        if move < 0.0:
            losses -= move
        else:
            gains += move
        gains /= n
        losses /= n
    s[o + 2] = gains
    s[o + 3] = losses
    moves = gains + losses
    return 100.0 * (gains / moves) if moves > 0.0 else 0.0


def mom(s: list[float], o: int, n: float, x: float) -> float:
    return x - before(s, o, n, x)


def roc(s: list[float], o: int, n: float, x: float) -> float:
    oldest = before(s, o, n, x)
    if oldest == 0.0:
        return 0.0
    return (x / oldest - 1.0) * 100.0


def cells_cci(n: int) -> int:
    return 2 + n


def cci(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    """Takes time with n: the deviation from a mean that moves has no running form. Summed in the order of the ring, as
    TA-Lib does. Cells: bars seen up to n, slot of the next, ring of typical prices."""
    price = (high + low + close) / 3.0
    at = int(s[o + 1])
    ring = o + 2
    s[ring + at] = price
    at += 1
    s[o + 1] = at if at < n else 0
    if s[o] < n:
        s[o] += 1.0
        if s[o] < n:
            return NAN
    end = ring + int(n)
    summed = 0.0
    for cell in range(ring, end):
        summed += s[cell]
    mean = summed / n
    deviations = 0.0
    for cell in range(ring, end):
        deviations += abs(s[cell] - mean)
    deviation = deviations / n
    distance = price - mean
    if is_flat(distance, abs(mean)) or is_flat(deviation, abs(mean)):
        return 0.0
    return distance / (0.015 * deviation)


def cells_range(n: int) -> int:
    return 2 * cells_extreme(n)


def willr(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    highest = s[extreme(s, o, n, high)]
    other = o + 3 + 2 * int(n)
    lowest = -s[extreme(s, other, n, -low)]
    if s[o] < n:
        return NAN
    if is_flat(highest - lowest, abs(highest) + abs(lowest)):
        return 0.0
    return (highest - close) / ((highest - lowest) / -100.0)


def cells_mfi(n: int) -> int:
    return 6 + 2 * n


def mfi(s: list[float], o: int, n: float, high: float, low: float, close: float, volume: float) -> float:
    """Cells: bars seen up to n + 1, typical price before, slot of the oldest, bars in a row without a flow, flow up,
    flow down, both rings."""
    price = (high + low + close) / 3.0
    last = s[o + 1]
    s[o + 1] = price
    seen = s[o]
    if seen == 0.0:
        s[o] = 1.0
        return NAN
    at = int(s[o + 2])
    ring_up = o + 6 + at
    ring_down = ring_up + int(n)
    move = price - last
    flow = 0.0 if is_flat(move, abs(price) + abs(last)) else price * volume
    up = 0.0 if move < 0.0 else flow
    down = flow if move < 0.0 else 0.0
    if seen <= n:
        s[o] = seen + 1.0
        sum_up = s[o + 4] + up
        sum_down = s[o + 5] + down
    else:
        sum_up = s[o + 4] - s[ring_up] + up
        sum_down = s[o + 5] - s[ring_down] + down
    s[ring_up] = up
    s[ring_down] = down
    at += 1
    s[o + 2] = at if at < n else 0
    s[o + 3] = s[o + 3] + 1.0 if flow == 0.0 else 0.0
    if s[o + 3] >= n:
        sum_up = 0.0
        sum_down = 0.0
    s[o + 4] = sum_up
    s[o + 5] = sum_down
    if seen < n:
        return NAN
    flows = sum_up + sum_down
    if flows <= 0.0:
        return 0.0
    return 100.0 * (min(max(sum_up, 0.0), flows) / flows)


def cells_aroon(n: int) -> int:
    return cells_extreme(n + 1)


def _aroon(s: list[float], o: int, n: float, x: float) -> float:
    """Of equal extremes the later bar counts."""
    cell = extreme(s, o, n + 1.0, x)
    if s[o] <= n:
        return NAN
    age = s[o] - s[cell + int(n) + 1]
    return 100.0 / n * (n - age)


def aroon_up(s: list[float], o: int, n: float, high: float, low: float) -> float:
    return _aroon(s, o, n, high)


def aroon_down(s: list[float], o: int, n: float, high: float, low: float) -> float:
    return _aroon(s, o, n, -low)


def cells_stochf(k: int) -> int:
    return 2 * cells_extreme(k)


def _stochf(s: list[float], o: int, k: float, high: float, low: float, close: float) -> float:
    """Where the close lies in the range of the last k, in per cent, not smoothed."""
    highest = s[extreme(s, o, k, high)]
    other = o + 3 + 2 * int(k)
    lowest = -s[extreme(s, other, k, -low)]
    if s[o] < k:
        return NAN
    if is_flat(highest - lowest, abs(highest) + abs(lowest)):
        return 0.0
    return (close - lowest) / ((highest - lowest) / 100.0)


def cells_stoch(k: int, smooth: int, d: int) -> int:
    return cells_stochf(k) + cells_total(smooth) + cells_total(d)


def stoch_k(s: list[float], o: int, k: float, smooth: float, d: float, high: float, low: float, close: float) -> float:
    """Known from where `stoch_d` is, as TA-Lib has it."""
    at = o + 6 + 4 * int(k)
    raw = _stochf(s, o, k, high, low, close)
    if raw != raw:
        return NAN
    slow = sma(s, at, smooth, raw)
    if slow != slow:
        return NAN
    signal = sma(s, at + 3 + int(smooth), d, slow)
    return slow if signal == signal else NAN


def stoch_d(s: list[float], o: int, k: float, smooth: float, d: float, high: float, low: float, close: float) -> float:
    at = o + 6 + 4 * int(k)
    raw = _stochf(s, o, k, high, low, close)
    if raw != raw:
        return NAN
    slow = sma(s, at, smooth, raw)
    if slow != slow:
        return NAN
    return sma(s, at + 3 + int(smooth), d, slow)


def cells_stochrsi(n: int, k: int, d: int) -> int:
    return cells_rsi(n) + cells_stochf(k) + cells_total(d)


def stochrsi_k(s: list[float], o: int, n: float, k: float, d: float, x: float) -> float:
    """Not smoothed; known from where `stochrsi_d` is, as TA-Lib has it."""
    strength = rsi(s, o, n, x)
    if strength != strength:
        return NAN
    raw = _stochf(s, o + 4, k, strength, strength, strength)
    if raw != raw:
        return NAN
    signal = sma(s, o + 10 + 4 * int(k), d, raw)
    return raw if signal == signal else NAN


def stochrsi_d(s: list[float], o: int, n: float, k: float, d: float, x: float) -> float:
    strength = rsi(s, o, n, x)
    if strength != strength:
        return NAN
    raw = _stochf(s, o + 4, k, strength, strength, strength)
    if raw != raw:
        return NAN
    return sma(s, o + 10 + 4 * int(k), d, raw)


def cells_macd(fast: int, slow: int, signal: int) -> int:
    return 3 * cells_ema(slow)


def _macd(s: list[float], o: int, fast: float, slow: float, x: float) -> float:
    """The difference of both averages; the fast one is seeded at the same bar as the slow one."""
    seen = s[o]
    slowly = ema(s, o, slow, x)
    if seen < slow - fast:
        return NAN
    quickly = ema(s, o + 2, fast, x)
    return quickly - slowly


def macd(s: list[float], o: int, fast: float, slow: float, signal: float, x: float) -> float:
    """Known from where `macd_signal` is, as TA-Lib has it. Cells: of the three averages, slow, fast, signal."""
    value = _macd(s, o, fast, slow, x)
    if value != value:
        return NAN
    averaged = ema(s, o + 4, signal, value)
    return value if averaged == averaged else NAN


def macd_signal(s: list[float], o: int, fast: float, slow: float, signal: float, x: float) -> float:
    value = _macd(s, o, fast, slow, x)
    return ema(s, o + 4, signal, value) if value == value else NAN


def macd_hist(s: list[float], o: int, fast: float, slow: float, signal: float, x: float) -> float:
    value = _macd(s, o, fast, slow, x)
    return value - ema(s, o + 4, signal, value) if value == value else NAN
