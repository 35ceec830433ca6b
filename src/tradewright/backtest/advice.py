"""What a reader of a result should know before believing it: our own warnings beside the contract's.

Lives here: few trades, a result that hangs on one trade, ambiguous trades, gaps that were filled, orders that were
large beside what was traded. None of them changes a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tradewright.backtest.result import Result, Warned
from tradewright.core.money import plain
from tradewright.strategy.prices import decimal_of
from tradewright.strategy.timeframe import length_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.strategy.candles import Candles

FEW_TRADES = 30
ONE_TRADE_SHARE = Decimal("0.5")  # of the whole gain
LARGE_SHARE = Decimal("0.1")  # of the volume of the bar in which it was filled


def advice_of(result: Result, candles: Candles, *, filled_bars: int = 0) -> list[Warned]:
    """`candles`: those that were run on. `filled_bars`: how many of them were made up to fill gaps."""
    found = [
        _few(result),
        _hangs_on_one(result),
        _ambiguous(result),
        _gaps(candles, filled_bars),
        _large(result, candles),
    ]
    return [warned for warned in found if warned is not None]


def _few(result: Result) -> Warned | None:
    count = len(result.trades)
    if count >= FEW_TRADES:
        return None
    many = "is no trade" if not count else "is one trade" if count == 1 else f"are {count} trades"
    return Warned("few_trades", f"There {many}: fewer than {FEW_TRADES} say little about what comes next.", count, None)


def _hangs_on_one(result: Result) -> Warned | None:
    """The best trade made more than half of what the whole run gained."""
    net = sum((trade.pnl for trade in result.trades), Decimal(0))
    if len(result.trades) < 2 or net <= 0:
        return None
    best = max(result.trades, key=lambda trade: trade.pnl)
    if best.pnl <= net * ONE_TRADE_SHARE:
        return None
    share = f"{100 * best.pnl / net:.0f} %"
    return Warned(
        "one_trade", f"One trade made {share} of the result; without it the run looks different.", 1, best.entry_time_ms
    )


def _ambiguous(result: Result) -> Warned | None:
    unclear = [trade for trade in result.trades if trade.is_ambiguous]
    if not unclear:
        return None
    message = "Trades whose outcome hangs on the order of prices inside one bar; finer candles (--fine) can tell."
    return Warned("ambiguous_trades", message, len(unclear), min(trade.entry_time_ms for trade in unclear))


def _gaps(candles: Candles, filled_bars: int) -> Warned | None:
    if filled_bars:
        message = "Missing bars were filled with the last close and no volume: nothing could happen in them."
        return Warned("gaps_filled", message, filled_bars, None)
    steps = candles.open_time_ms[1:] - candles.open_time_ms[:-1]
    places = (steps > length_ms(candles.timeframe)).nonzero()[0]
    if not len(places):
        return None
    first = int(candles.open_time_ms[places[0]]) + length_ms(candles.timeframe)
    return Warned("gaps", "The candles have gaps.", len(places), first)


def _large(result: Result, candles: Candles) -> Warned | None:
    """Capacity: fills that the market of that bar would hardly have borne."""
    times: NDArray[np.int64] = candles.open_time_ms
    first: int | None = None
    count = 0
    for trade in result.trades:
        bar = int(times.searchsorted(trade.entry_time_ms, side="right")) - 1
        volume = decimal_of(candles.volume[bar])
        if volume and trade.quantity > volume * LARGE_SHARE:
            count += 1
            first = trade.entry_time_ms if first is None else min(first, trade.entry_time_ms)
    if first is None:
        return None
    message = f"Orders larger than {plain(100 * LARGE_SHARE)} % of what was traded in their bar: expect worse prices."
    return Warned("capacity", message, count, first)


def once_per_code(warnings: Sequence[Any]) -> list[Any]:
    """The first of each code, with how many there are; warnings of the check and of a run alike."""
    found: dict[str, Any] = {}
    for warned in warnings:
        before = found.get(warned.code)
        found[warned.code] = warned if before is None else replace(before, count=before.count + warned.count)
    return list(found.values())
