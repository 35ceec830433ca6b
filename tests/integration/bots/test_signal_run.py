"""A run of kind `signal` on a whole installation: the real worker, the simulated exchange over sockets, PostgreSQL.

The market is a replay of the committed sample that moves point by point, so that what the run does can be held against
the fast backtest of the same bars, trade by trade.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.bots.running_bot import BotHome, bot_home, told

CROSS = """\
version: 1
kind: signal
name: Quick cross
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
series: { fast: "ema(close, 3)", slow: "ema(close, 8)" }
rules:
  enter_long: crosses_above(fast, slow)
  exit_long: crosses_below(fast, slow)
  enter_short: crosses_below(fast, slow)
  exit_short: crosses_above(fast, slow)
size: { quote: 1000 }
protect:
  stop_loss: { pct: 0.15 }
  take_profit: { rr: 1.5 }
  trailing: { pct: 0.2 }
"""
PULLBACK = """\
version: 1
kind: signal
name: Limit below
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
rules:
  enter_long: close < close[1]
  exit_long: close > position.entry_price * 1.001
entry: { type: limit, offset_pct: 0.02, expire_bars: 2 }
size: { equity_pct: 20 }
protect:
  stop_loss: { pct: 0.3 }
  max_bars: 6
limits: { cooldown_bars: 1 }
"""
BY_LEVEL = ("stop_loss", "trailing", "take_profit")


def must_agree(home: BotHome, run: Any, text: str, *, least: int) -> None:
    """Trade by trade. A replay of candles jumps from point to point, so what a level takes off leaves at the point
    behind it: a stop not above its level, a target not below; everything else is equal to the last digit."""
    expected, trades = home.expected(run, text), home.trades(run)
    about = "\n".join(f"{event['seq']} {event['kind']} {event['payload']}" for event in home.events(run))
    assert len(expected) - len(trades) in (0, 1), f"one that has just been decided; {about}"
    assert len(trades) >= least, about
    for number, (trade, other) in enumerate(zip(trades, expected, strict=False)):
        shown, wanted = {key: trade[key] for key in told(other)}, told(other)
        left, level = Decimal(shown.pop("exit_price")), Decimal(wanted.pop("exit_price"))
        assert shown == wanted, f"trade {number}: {about}"
        if other.exit_reason not in BY_LEVEL:
            assert left == level, f"trade {number}: {about}"
        else:
            gained = (left - level) * other.direction
            assert gained >= 0 if other.exit_reason == "take_profit" else gained <= 0, f"trade {number}: {about}"


@pytest.mark.parametrize(("text", "least"), [(CROSS, 5), (PULLBACK, 4)], ids=["market", "limit"])
def test_a_run_trades_as_the_backtest_of_its_own_bars(text: str, least: int) -> None:
    with bot_home() as home:
        home.to_bar()
        run = home.start(text)
        home.until(run, "running")
        home.play(run, 40)
        must_agree(home, run, text, least=least)
        events = home.events(run)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert len({event["payload"]["open_ms"] for event in events if event["kind"] == "bar"}) >= 40
