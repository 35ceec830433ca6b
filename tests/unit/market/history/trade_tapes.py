"""Tapes of trades made up by a seed, as files of the archive's two shapes; and their candles, made one trade at a time.

The candles are made by other means than the program's: exact fractions, a loop, no library.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tradewright.market.history.rows import PRICES, Rows

CONTRACTS_HEADER = (
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI"
)
SPOT_HEADER = "id,timestamp,price,volume,side,rpi"
DAY_MS = 86_400_000
DAY = 1_704_067_200_000  # 2024-01-01, a Monday


@dataclass(frozen=True, slots=True)
class Trade:
    """`ns`: Unix nanoseconds; `price` and `size` as they are written."""

    ns: int
    price: str
    size: str


def tape(seed: int, *, first_ms: int = DAY, span_ms: int = DAY_MS, count: int = 2_000) -> list[Trade]:
    """Oldest first: some at one moment, some minutes empty, sizes of very different lengths."""
    chance = random.Random(seed)
    moments = sorted(
        first_ms * 10**6 + moment * 10**5 for moment in chance.choices(range(span_ms * 10), k=count * 2 // 3)
    )
    moments = sorted([*moments, *chance.choices(moments, k=count - len(moments))])
    cents, trades = 4_200_000, []
    for ns in moments:
        cents += chance.randint(-300, 300)
        size = chance.choice(["0.001", "0.0123456", "7", "1e-05", "1234.5678", f"0.{chance.randint(1, 999):03}"])
        trades.append(Trade(ns, f"{cents // 100}.{cents % 100:02}", size))
    return trades


def contracts_file(trades: Sequence[Trade], symbol: str = "BTCUSDT") -> bytes:
    rows = [CONTRACTS_HEADER]
    for n, trade in enumerate(trades):
        worth = float(Fraction(trade.price) * Fraction(trade.size))
        time = f"{trade.ns // 10**9}.{trade.ns % 10**9 // 10**5:04}"
        side = "Buy" if n % 2 else "Sell"
        rows.append(
            f"{time},{symbol},{side},{trade.size},{trade.price},PlusTick,0-{n},{worth * 1e8:g},{trade.size},{worth:g},0"
        )
    return gzip.compress("\n".join([*rows, ""]).encode())


def spot_file(trades: Sequence[Trade]) -> bytes:
    """Whole milliseconds: what is finer is lost, as in the archive's own."""
    rows = [SPOT_HEADER]
    for n, trade in enumerate(trades, 1):
        rows.append(f"{n},{trade.ns // 10**6},{trade.price},{trade.size},{'buy' if n % 2 else 'sell'},0")
    return gzip.compress("\n".join([*rows, ""]).encode())


def candles(trades: Sequence[Trade], length_ms: int, origin_ms: int = 0) -> dict[int, list[float]]:
    """open time → open, high, low, close, volume, turnover; of bars with trades. `trades` oldest first."""
    bars: dict[int, list[Fraction]] = {}
    for trade in trades:
        ms = trade.ns // 10**6
        opened = ms - (ms - origin_ms) % length_ms
        price, size = Fraction(trade.price), Fraction(trade.size)
        if opened not in bars:
            bars[opened] = [price, price, price, price, size, price * size]
            continue
        bar = bars[opened]
        bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price
        bar[4] += size
        bar[5] += price * size
    return {opened: [float(value) for value in bar] for opened, bar in bars.items()}


def with_flat(bars: dict[int, list[float]], length_ms: int, end_ms: int) -> dict[int, list[float]]:
    """From the first bar to before `end_ms`: what is not there is flat at the last close."""
    filled, close = {}, 0.0
    for opened in range(min(bars), end_ms, length_ms):
        filled[opened] = bars.get(opened, [close, close, close, close, 0.0, 0.0])
        close = filled[opened][3]
    return filled


def by_open(rows: Rows) -> dict[int, list[float]]:
    """As `candles` gives them."""
    return {
        int(rows.open_time_ms[at]): [
            *(float(getattr(rows, name)[at]) for name in PRICES),
            float(rows.volume[at]),
            float(rows.turnover[at]),
        ]
        for at in range(len(rows))
    }
