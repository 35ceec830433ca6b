"""The fast engine beside the exact mode, as the contract's 3.11 wants them compared.

Lives here: `compare`. Times, prices, quantities and reasons must be equal, money to a relative 1e-9, on every trade
that is not ambiguous. Where one is, the fast engine must not be the more favourable; if the outcomes differ, both are
run again from the next close at which both are flat, with equal equity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.backtest.engine import run
from tradewright.backtest.result import Result, Trade
from tradewright.backtest.settings import Settings
from tradewright.lab.exact import run_exact
from tradewright.strategy.candles import Candles
from tradewright.strategy.model import Strategy
from tradewright.strategy.timeframe import length_ms

_NEAR_RATIO = Decimal("1e-9")
_SMALLEST = Decimal("1e-18")  # what the report tells
_RUNS_MAX = 3  # of one comparison: scenes drawn by chance are ambiguous again and again, and each time costs two runs


@dataclass(frozen=True)
class Compared:
    """`ambiguous` are the fast engine's; `differing` those of them whose outcome was another one in the exact mode.

    `is_whole`: the comparison came to the last bar, however often it had to begin again."""

    trades: int
    ambiguous: Sequence[Trade]
    differing: Sequence[tuple[Trade, Trade | None]]
    is_whole: bool


def compare(
    strategy: Strategy, candles: Candles, settings: Settings, about: str, *, runs_max: int = _RUNS_MAX
) -> Compared:
    """As far as the trade whose outcome is another one for the last of so many times.

    Raises `AssertionError` for any difference that the contract does not allow.
    """
    trades, ambiguous = 0, list[Trade]()
    differing: list[tuple[Trade, Trade | None]] = []
    for _ in range(runs_max):
        fast, exact = run(strategy, candles, settings), run_exact(strategy, candles, settings)
        place = _first_difference(fast.trades, exact.trades, about)
        equal = fast.trades if place is None else fast.trades[:place]
        trades += len(equal)
        ambiguous += [trade for trade in equal if trade.is_ambiguous]
        if place is None:
            _assert_same_end(fast, exact, about)
            return Compared(trades, ambiguous, differing, is_whole=True)
        one, other = _at(fast.trades, place), _at(exact.trades, place)
        assert one is not None, f"{about}: a trade that the fast engine does not have: {other}"
        assert one.is_ambiguous, f"{about}: trade {place} is {one} and exactly {other}"
        if other is not None and other.entry_time_ms == one.entry_time_ms and not _may_be_luckier(one, other):
            assert one.pnl <= other.pnl, f"{about}: trade {place} is {one}, more favourable than {other}"
        trades += 1
        ambiguous.append(one)
        differing.append((one, other))
        again_ms = _both_flat_ms(fast, exact, place)
        if again_ms is None or again_ms >= int(candles.open_time_ms[-1]):
            return Compared(trades, ambiguous, differing, is_whole=True)
        settings = replace(settings, from_ms=again_ms)
    return Compared(trades, ambiguous, differing, is_whole=False)


def _first_difference(fast: Sequence[Trade], exact: Sequence[Trade], about: str) -> int | None:
    for place in range(max(len(fast), len(exact))):
        one, other = _at(fast, place), _at(exact, place)
        if one is None or other is None or not _is_same(one, other):
            return place
    return None


def _may_be_luckier(one: Trade, other: Trade) -> bool:
    """Where the contract itself says what the fast engine does, and that may turn out better: it passes over a target
    in the bar in which a limit entry or a safety order fills, and what the bars after that bring is luck; it closes a
    cycle whose bar opens beyond the stop with nothing else filled, where on an exchange the safety orders in between
    are filled first; and it fills a grid's orders before it looks at the stops."""
    if one.entry_reason == "grid":
        return other.exit_reason == "stop_loss"
    if other.exit_time_ms == one.exit_time_ms:
        return other.quantity > one.quantity and other.exit_price == one.exit_price
    return other.exit_reason == "take_profit" and other.exit_time_ms < one.exit_time_ms


def _at(trades: Sequence[Trade], place: int) -> Trade | None:
    return trades[place] if place < len(trades) else None


def _is_same(one: Trade, other: Trade) -> bool:
    same = ("direction", "quantity", "entry_time_ms", "entry_reason", "exit_time_ms", "exit_reason", "bars", "cell")
    if any(getattr(one, name) != getattr(other, name) for name in (*same, "is_ambiguous")):
        return False
    prices = ((one.entry_price, other.entry_price), (one.exit_price, other.exit_price))
    if any(abs(ours - theirs) > _SMALLEST for ours, theirs in prices):
        return False
    money = ((one.fees, other.fees), (one.funding, other.funding), (one.pnl, other.pnl))
    return all(abs(ours - theirs) <= _NEAR_RATIO * max(abs(ours), abs(theirs)) for ours, theirs in money)


def _assert_same_end(fast: Result, exact: Result, about: str) -> None:
    told = [{one.code: (one.count, one.first_time_ms) for one in result.warnings} for result in (fast, exact)]
    assert told[0] == told[1], f"{about}: warnings {told[0]} and exactly {told[1]}"
    assert (fast.bars, fast.exposed) == (exact.bars, exact.exposed), about
    assert abs(fast.final_equity - exact.final_equity) <= _NEAR_RATIO * abs(exact.final_equity), about


def _both_flat_ms(fast: Result, exact: Result, place: int) -> int | None:
    """The open of the first bar at which neither holds anything any more, after the trade that differs."""
    length = length_ms(fast.strategy.market.timeframe)
    spans = [
        (trade.entry_time_ms, trade.exit_time_ms) for trades in (fast.trades, exact.trades) for trade in trades[place:]
    ]
    begin = max(trades[place].exit_time_ms for trades in (fast.trades, exact.trades) if place < len(trades))
    for time_ms in range(begin - begin % length + length, int(fast.closed_ms), length):
        if not any(entry < time_ms <= exit_ms for entry, exit_ms in spans):
            return time_ms
    return None
