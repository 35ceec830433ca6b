"""Volume (how a step is written: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.rings import cells_ratio, ratio


def cells_obv() -> int:
    return 2


def obv(s: list[float], o: int, t: int, close: float, volume: float) -> float:
    """Starts at the first volume. Cells: close before, the sum."""
    if t == 0 or close > s[o]:
        s[o + 1] += volume
    elif close < s[o]:
        s[o + 1] -= volume
    s[o] = close
    return s[o + 1]


def _flow_ratio(high: float, low: float, close: float) -> float:
    """Where the close lies in the bar: -1 at the low, 1 at the high, 0 in a bar without a range."""
    span = high - low
    return ((close - low) - (high - close)) / span if span > 0.0 else 0.0


def cells_ad() -> int:
    return 1


def ad(s: list[float], o: int, t: int, high: float, low: float, close: float, volume: float) -> float:
    s[o] += _flow_ratio(high, low, close) * volume
    return s[o]


def cells_cmf(n: int) -> int:
    return cells_ratio(n)


def cmf(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float, volume: float) -> float:
    return ratio(s, o, n, t, _flow_ratio(high, low, close) * volume, volume)
