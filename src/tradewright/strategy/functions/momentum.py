"""Momentum: how far and how steadily a value moved over n bars (how a step is written: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.averages import ema, sma
from tradewright.strategy.functions.rings import (
    age_of_highest,
    before,
    cells_highest,
    cells_latest_highest,
    cells_total,
    highest,
    lowest,
)
from tradewright.strategy.functions.steps import FLAT, NAN


def cells_rsi(n: int) -> int:
    return 3


def rsi(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Cells: x before, gains, losses (sums, then Wilder's averages)."""
    move = x - s[o]
    s[o] = x
    if t == 0:
        return NAN
    gains = s[o + 1]
    losses = s[o + 2]
    if t > n:
        gains *= n - 1.0
        losses *= n - 1.0
    if move < 0.0:
        losses -= move
    else:
        gains += move
    if t >= n:
        gains /= n
        losses /= n
    s[o + 1] = gains
    s[o + 2] = losses
    if t < n:
        return NAN
    moves = gains + losses
    return 100.0 * (gains / moves) if moves > 0.0 else 0.0


def mom(s: list[float], o: int, n: int, t: int, x: float) -> float:
    return x - before(s, o, n, t, x)


def roc(s: list[float], o: int, n: int, t: int, x: float) -> float:
    oldest = before(s, o, n, t, x)
    if oldest == 0.0:
        return 0.0
    return (x / oldest - 1.0) * 100.0


def cells_cci(n: int) -> int:
    return n


def cci(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    """Takes time with n: the deviation from a mean that moves has no running form. Summed in the order of the ring, as
    TA-Lib does. Cells: ring of typical prices."""
    price = (high + low + close) / 3.0
    s[o + t % n] = price
    if t < n - 1:
        return NAN
    summed = 0.0
    for cell in range(o, o + n):
        summed += s[cell]
    mean = summed / n
    deviations = 0.0
    for cell in range(o, o + n):
        deviations += abs(s[cell] - mean)
    deviation = deviations / n
    distance = price - mean
    if abs(distance) <= FLAT * abs(mean) or deviation <= FLAT * abs(mean):
        return 0.0
    return distance / (0.015 * deviation)


def cells_range(n: int) -> int:
    return 2 * cells_highest(n)


def willr(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    top = highest(s, o, n, t, high)
    bottom = lowest(s, o + 1 + n, n, t, low)
    if t < n - 1:
        return NAN
    span = top - bottom
    if span <= FLAT * (abs(top) + abs(bottom)):
        return 0.0
    return (top - close) / (span / -100.0)


def cells_mfi(n: int) -> int:
    return 4 + 2 * n


def mfi(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float, volume: float) -> float:
    """Cells: typical price before, bars in a row without a flow, flow up, flow down, both rings."""
    price = (high + low + close) / 3.0
    last = s[o]
    s[o] = price
    if t == 0:
        return NAN
    cell_up = o + 4 + t % n
    cell_down = cell_up + n
    move = price - last
    flow = 0.0 if abs(move) <= FLAT * (abs(price) + abs(last)) else price * volume
    up = 0.0 if move < 0.0 else flow
    down = flow if move < 0.0 else 0.0
    sum_up = s[o + 2] - s[cell_up] + up
    sum_down = s[o + 3] - s[cell_down] + down
    s[cell_up] = up
    s[cell_down] = down
    s[o + 1] = s[o + 1] + 1.0 if flow == 0.0 else 0.0
    if s[o + 1] >= n:
        sum_up = 0.0
        sum_down = 0.0
    s[o + 2] = sum_up
    s[o + 3] = sum_down
    if t < n:
        return NAN
    flows = sum_up + sum_down
    if flows <= 0.0:
        return 0.0
    return 100.0 * (min(max(sum_up, 0.0), flows) / flows)


def cells_aroon(n: int) -> int:
    return cells_latest_highest(n + 1)


def _aroon(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Of equal extremes the later bar counts."""
    age = age_of_highest(s, o, n + 1, t, x)
    return 100.0 / n * (n - age) if t >= n else NAN


def aroon_up(s: list[float], o: int, n: int, t: int, high: float, low: float) -> float:
    return _aroon(s, o, n, t, high)


def aroon_down(s: list[float], o: int, n: int, t: int, high: float, low: float) -> float:
    return _aroon(s, o, n, t, -low)


def _stochf(s: list[float], o: int, k: int, t: int, high: float, low: float, close: float) -> float:
    """Where the close lies in the range of the last k, in per cent, not smoothed. Cells as of `cells_range`."""
    top = highest(s, o, k, t, high)
    bottom = lowest(s, o + 1 + k, k, t, low)
    span = top - bottom
    if span <= FLAT * (abs(top) + abs(bottom)):
        return 0.0
    return (close - bottom) / (span / 100.0)


def cells_stoch(k: int, smooth: int, d: int) -> int:
    return cells_range(k) + cells_total(smooth) + cells_total(d)


def stoch_k(
    s: list[float], o: int, k: int, smooth: int, d: int, t: int, high: float, low: float, close: float
) -> float:
    """Known from where `stoch_d` is, as TA-Lib has it."""
    raw = _stochf(s, o, k, t, high, low, close)
    if t < k - 1:
        return NAN
    slow = sma(s, o + 2 + 2 * k, smooth, t - k + 1, raw)
    return slow if t >= k + smooth + d - 3 else NAN


def stoch_d(
    s: list[float], o: int, k: int, smooth: int, d: int, t: int, high: float, low: float, close: float
) -> float:
    raw = _stochf(s, o, k, t, high, low, close)
    if t < k - 1:
        return NAN
    at = o + 2 + 2 * k
    slow = sma(s, at, smooth, t - k + 1, raw)
    if t < k + smooth - 2:
        return NAN
    return sma(s, at + 1 + smooth, d, t - k - smooth + 2, slow)


def cells_stochrsi(n: int, k: int, d: int) -> int:
    return cells_rsi(n) + cells_range(k) + cells_total(d)


def stochrsi_k(s: list[float], o: int, n: int, k: int, d: int, t: int, x: float) -> float:
    """Not smoothed; known from where `stochrsi_d` is, as TA-Lib has it."""
    strength = rsi(s, o, n, t, x)
    if t < n:
        return NAN
    raw = _stochf(s, o + 3, k, t - n, strength, strength, strength)
    return raw if t >= n + k + d - 2 else NAN


def stochrsi_d(s: list[float], o: int, n: int, k: int, d: int, t: int, x: float) -> float:
    strength = rsi(s, o, n, t, x)
    if t < n:
        return NAN
    raw = _stochf(s, o + 3, k, t - n, strength, strength, strength)
    if t < n + k - 1:
        return NAN
    return sma(s, o + 5 + 2 * k, d, t - n - k + 1, raw)


def cells_macd(fast: int, slow: int, signal: int) -> int:
    return 3


def _macd(s: list[float], o: int, fast: int, slow: int, t: int, x: float) -> float:
    """The difference of both averages; the fast one is seeded at the same bar as the slow one."""
    slowly = ema(s, o, slow, t, x)
    if t < slow - fast:
        return NAN
    return ema(s, o + 1, fast, t - slow + fast, x) - slowly


def macd(s: list[float], o: int, fast: int, slow: int, signal: int, t: int, x: float) -> float:
    """Known from where `macd_signal` is, as TA-Lib has it. Cells: of the three averages, slow, fast, signal."""
    value = _macd(s, o, fast, slow, t, x)
    return value if t >= slow + signal - 2 else NAN


def macd_signal(s: list[float], o: int, fast: int, slow: int, signal: int, t: int, x: float) -> float:
    value = _macd(s, o, fast, slow, t, x)
    return ema(s, o + 2, signal, t - slow + 1, value) if t >= slow - 1 else NAN


def macd_hist(s: list[float], o: int, fast: int, slow: int, signal: int, t: int, x: float) -> float:
    value = _macd(s, o, fast, slow, t, x)
    return value - ema(s, o + 2, signal, t - slow + 1, value) if t >= slow - 1 else NAN
