"""Texts of specs for tests: the contract's example, and small ones around one part that matters."""

from __future__ import annotations

EXAMPLE = """\
version: 1
kind: signal
name: EMA cross with a trend filter
description: optional, free text
market: { category: linear, symbol: BTCUSDT, timeframe: 15m }
params:
  fast: { default: 12, min: 5,  max: 30, step: 1 }
  slow: { default: 26, min: 20, max: 80, step: 2 }
  stop_pct: 1.5
series:
  ema_fast: ema(close, fast)
  ema_slow: ema(close, slow)
  trend:    ema(close, 200, tf=4h)
rules:
  enter_long:  crosses_above(ema_fast, ema_slow) and close > trend
  exit_long:   crosses_below(ema_fast, ema_slow)
  enter_short: crosses_below(ema_fast, ema_slow) and close < trend
  exit_short:  crosses_above(ema_fast, ema_slow)
entry:
  type: limit
  offset_pct: 0.05
  post_only: true
  expire_bars: 3
size:
  quote: 100
leverage: 3
protect:
  stop_loss:   { pct: stop_pct }
  take_profit: { rr: 2 }
  trailing:    { pct: 1.2, activate_pct: 1 }
  max_bars: 96
limits:
  max_entries_per_day: 5
  cooldown_bars: 4
  max_daily_loss_pct: 3
  trade_hours_utc: "07:00-21:00"
  trade_days: [mon, tue, wed, thu, fri]
"""
GRID = """\
version: 1
kind: grid
name: A grid
market: { category: linear, symbol: BTCUSDT, timeframe: 15m }
grid: { lower: 90000, upper: 110000, levels: 21, spacing: geometric, side: neutral,
        per_level: { quote: 50 }, stop_below: 88000, stop_above: 112000 }
"""
DCA = """\
version: 1
kind: dca
name: Buying in steps
market: { category: linear, symbol: BTCUSDT, timeframe: 15m }
dca: { side: long, start: "rsi(close, 14) < 35",
       base: { quote: 50 }, safety: { count: 5, quote: 50, step_pct: 1.5, step_scale: 1.2, size_scale: 1.5 },
       take_profit_pct: 1.5, stop_loss_pct: 12, repeat: true }
"""


def signal(
    *,
    enter: str = "close > open",
    leave: str | None = "close < open",
    timeframe: str = "15m",
    size: str = "{quote: 100}",
    more: str = "",
) -> str:
    """A spec of a long with these rules. `more` are further lines."""
    rules = f"  enter_long: >-\n    {enter}\n" + (f"  exit_long: >-\n    {leave}\n" if leave is not None else "")
    market = f"{{category: linear, symbol: BTCUSDT, timeframe: {timeframe}}}"
    return f"version: 1\nname: A test\nmarket: {market}\nsize: {size}\nrules:\n{rules}{more}"
