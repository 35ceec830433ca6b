"""Runs of the kinds `dca` and `grid` on a whole installation, trade by trade against the fast backtest of their bars.

The market is a replay that moves point by point. Where a run begins is chosen by the backtest: bars in which enough
happens and the order of prices inside one decides nothing, so that both must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from support.bots.running_bot import SAMPLE, BotHome, bot_home, told
from support.strategy_series import series
from tradewright.backtest.engine import run as backtest
from tradewright.backtest.result import Trade
from tradewright.backtest.settings import Settings
from tradewright.core.money import plain
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text

BARS = 12
LOOK = 400  # so many bars ahead a place is looked for
DCA = """\
version: 1
kind: dca
name: In steps
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
dca: { side: long, start: now, base: { quote: 500 },
       safety: { count: 3, quote: 500, step_pct: 0.04, step_scale: 1.2, size_scale: 1.5 },
       take_profit_pct: 0.04, stop_loss_pct: 0.5 }
"""
GRID = """\
version: 1
kind: grid
name: Around
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
grid: { lower: LOWER, upper: UPPER, levels: 14, spacing: arithmetic, side: SIDE, per_level: { base: 0.004 },
        stop_below: 1000, stop_above: 900000 }
"""
STEP = 40  # between levels
BY_LEVEL = ("stop_loss", "take_profit")


def dca(_price: Decimal) -> str:
    return DCA


def grid(side: str) -> Callable[[Decimal], str]:
    """Around the price at which it is decided, which lies in the middle of a cell."""

    def text(price: Decimal) -> str:
        lower = price - STEP * Decimal("6.5")
        return GRID.replace("SIDE", side).replace("LOWER", plain(lower)).replace("UPPER", plain(lower + 13 * STEP))

    return text


def measured(home: BotHome, text: str, first: int, bars: int) -> list[Trade]:
    """What the backtest trades in so many bars of the sample, without what is open at their end."""
    candles, strategy = series(SAMPLE), check_text(text).strategy
    assert strategy is not None
    found = backtest(strategy, _part(candles, first, bars), Settings(slippage_bps=Decimal(0), filters=home.filters()))
    return list(found.trades)


def _part(candles: Candles, first: int, bars: int) -> Candles:
    names = [one.name for one in fields(candles) if one.name != "timeframe"]
    return replace(candles, **{name: getattr(candles, name)[first : first + bars] for name in names})


def placed(home: BotHome, text_at: Callable[[Decimal], str], *, delay: int, least: int) -> tuple[int, str]:
    """Goes to a bar from which on so much happens and nothing is ambiguous; its place in the sample."""
    candles = series(SAMPLE)
    now = int((candles.open_time_ms <= home.now_ms()).sum())
    for first in range(now, now + LOOK):
        text = text_at(Decimal(repr(float(candles.close[first]))))
        trades = measured(home, text, first + delay, BARS - delay)
        if any(trade.is_ambiguous for trade in trades):
            continue
        if sum(trade.exit_reason in BY_LEVEL for trade in trades) >= least:
            home.step(-((home.now_ms() - int(candles.open_time_ms[first])) // 1_000))
            return first, text
    raise AssertionError(f"no place in {LOOK} bars of {SAMPLE} has {least} trades without ambiguity: {text_at}")


@pytest.mark.parametrize(
    ("text_at", "delay", "least"),
    [(dca, 0, 3), (grid("neutral"), 1, 2), (grid("long"), 1, 3)],
    ids=["dca", "neutral grid", "long grid"],
)
def test_a_run_trades_as_the_backtest_of_its_own_bars(
    text_at: Callable[[Decimal], str], delay: int, least: int
) -> None:
    with bot_home() as home:
        home.to_bar()
        first, text = placed(home, text_at, delay=delay, least=least)
        run = home.start(text)
        home.until(run, "running")
        home.play(run, BARS)
        home.settle(run, home.step(1))
        about = "\n".join(f"{event['seq']} {event['kind']} {event['payload']}" for event in home.events(run))
        expected = measured(home, text, first + delay, BARS - delay)
        expected = [trade for trade in expected if trade.exit_reason in BY_LEVEL]
        trades = sorted(home.trades(run), key=lambda one: (one["exit_time"], one["entry_time"], one["cell"]))
        for trade, other in zip(trades, expected, strict=False):
            shown, wanted = {key: trade[key] for key in told(other)}, told(other)
            left, level = Decimal(shown.pop("exit_price")), Decimal(wanted.pop("exit_price"))
            assert shown == wanted, about
            assert trade["cell"] == other.cell, about
            gained = (left - level) * other.direction
            if text_at is not dca:
                assert not gained, about
            else:  # at a level a replay of points takes off at the point behind it
                assert gained >= 0 if other.exit_reason == "take_profit" else gained <= 0, about
        assert len(trades) == len(expected) >= least, about
        assert Decimal(home.row(run)["memory"]["machine"]["book"]["net"]) == home.position()
        home.wish(run, wish_stop="now")
        assert home.until(run, "stopped", "failed", "halted")["state"] == "stopped"
        left_open = [order for order in home.open_orders() if not order["stopOrderType"]]
        assert left_open == [], "what is kept is the position and its stop"
