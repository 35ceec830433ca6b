"""What a checked spec says, with every param replaced by its value: what backtests and bots run.

Lives here: the values, in the units of the spec's text. Expressions are in `program`; here stands only that they are.
Not here: the file and its places (`document`), bounds and faults (`check`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tradewright.strategy.program import Program
from tradewright.strategy.timeframe import Timeframe

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    category: Literal["linear", "spot"]
    symbol: str
    timeframe: Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketEntry:
    """At once, at the market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEntry:
    offset_pct: Decimal  # of the close, toward the passive side
    post_only: bool
    expire_bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`quote`: the order's value; `base`: its quantity; `equity_pct`: its value as per cent of equity; `risk_pct`: per
    cent of equity lost at the stop."""

    by: Literal["quote", "base", "equity_pct", "risk_pct"]
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Where a stop or a target lies: `pct` of the entry price away, `atr`: times ATR(length) away, `rr`: times the
    stop's distance, `price`: what the program's `protect.….price` says (then `amount` is 0)."""

    by: Literal["pct", "atr", "rr", "price"]
    amount: Decimal
    length: int = 14  # of the ATR


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailing:
    pct: Decimal
    activate_pct: Decimal  # 0: from the entry on


@dataclass(frozen=True, slots=True, kw_only=True)
class Protect:
    stop_loss: Level | None = None
    take_profit: Level | None = None
    trailing: Trailing | None = None
    max_bars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bot's own brakes. Minutes of the day are UTC; `trade_minutes` is [from, to), wrapping when from > to."""

    max_entries_per_day: int | None = None
    cooldown_bars: int = 0
    max_daily_loss_pct: Decimal | None = None
    trade_minutes: tuple[int, int] | None = None
    trade_days: frozenset[Weekday] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    entry: MarketEntry | LimitEntry
    size: Size
    protect: Protect
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class PerLevel:
    by: Literal["quote", "base"]
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    lower: Decimal
    upper: Decimal
    levels: int
    spacing: Literal["arithmetic", "geometric"]
    side: Literal["neutral", "long", "short"]
    per_level: PerLevel
    stop_below: Decimal | None
    stop_above: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    count: int
    quote: Decimal
    step_pct: Decimal
    step_scale: Decimal
    size_scale: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dca:
    """`starts_now`: every close may start a cycle; else the program's `dca.start` decides."""

    side: Literal["long", "short"]
    starts_now: bool
    base_quote: Decimal
    safety: Safety | None
    take_profit_pct: Decimal
    stop_loss_pct: Decimal | None
    repeat: bool
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    name: str
    description: str
    market: Market
    leverage: Decimal  # 1 on spot
    plan: Signal | Grid | Dca
    params: Mapping[str, Decimal]  # the values in force
    program: Program
    warm_up_bars: int
    timeframes: tuple[Timeframe, ...]  # those needed, base first, then by length
    sha256: str  # of the canonical JSON of the parsed file: params' values that were set for a run do not matter
