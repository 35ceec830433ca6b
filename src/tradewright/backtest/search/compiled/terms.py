"""What a compiled run is given, made of a plan, the settings and the candles.

A plan that doubles cannot carry (a tick of too many digits) has no terms, and is run by the plain engine.
Not here: the rules' columns (`columns`), what a run wrote (`tape`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from tradewright.backtest.brakes import weekday
from tradewright.backtest.search.compiled import layout
from tradewright.backtest.settings import BASIS_POINT, Settings
from tradewright.core.money import ZERO, exactly
from tradewright.strategy.entries import liquidation_ratio
from tradewright.strategy.model import Level, LimitEntry, Limits, Signal, Strategy
from tradewright.strategy.prices import HUNDRED, Filters
from tradewright.strategy.timeframe import DAY_MS, MINUTE_MS, length_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.strategy.candles import Candles

_PARTS_MAX = 10**15  # of a tick or step; beyond it a product with it is no longer a whole double
_UNIT_DIGITS_MAX = 10
_KINDS = {"pct": layout.BY_PCT, "atr": layout.BY_ATR, "price": layout.BY_PRICE, "rr": layout.BY_RR}
_SIZES = {"base": layout.BASE, "quote": layout.QUOTE, "equity_pct": layout.EQUITY_PCT, "risk_pct": layout.RISK_PCT}


def terms_of(plan: Signal, strategy: Strategy, settings: Settings, unit_parts: int) -> layout.Terms | None:
    """`plan`: that of the set; leverage and category are no param's. `unit_parts`: those of `unit_parts_of`.

    None: doubles cannot carry it.
    """
    filters = settings.filters
    tick = None if filters.tick_size is None else _parts(filters.tick_size)
    step = _parts(filters.quantity_step)
    if step is None or (filters.tick_size is not None and tick is None):
        return None
    leverage, category = strategy.leverage, strategy.market.category
    is_linear = category == "linear"
    margin = settings.maintenance_margin_pct
    protect, limits = plan.protect, plan.limits
    trailing = protect.trailing
    is_limit = isinstance(plan.entry, LimitEntry)
    offset = plan.entry.offset_pct if isinstance(plan.entry, LimitEntry) else ZERO
    with exactly():
        return layout.Terms(
            unit_parts=unit_parts,
            tick_units=0 if filters.tick_size is None else max(1, int(filters.tick_size * unit_parts)),
            is_limit=is_limit,
            offset_ratio=_ratio(offset),
            offset_part=_part(offset),
            expire_bars=plan.entry.expire_bars if isinstance(plan.entry, LimitEntry) else 0,
            size_by=_SIZES[plan.size.by],
            size=_size(plan, filters),
            stop_by=_kind(protect.stop_loss),
            stop=_amount(protect.stop_loss),
            stop_part=_level_part(protect.stop_loss),
            target_by=_kind(protect.take_profit),
            target=_amount(protect.take_profit),
            target_part=_level_part(protect.take_profit),
            trail_ratio=0.0 if trailing is None else _ratio(trailing.pct),
            trail_part=0 if trailing is None else _part(trailing.pct),
            activate_ratio=0.0 if trailing is None else _ratio(trailing.activate_pct),
            activate_part=0 if trailing is None else _part(trailing.activate_pct),
            max_bars=protect.max_bars or 0,
            liquidation_long_ratio=float(liquidation_ratio(1, leverage, margin)) if is_linear else math.nan,
            liquidation_short_ratio=float(liquidation_ratio(-1, leverage, margin)) if is_linear else math.nan,
            leverage=float(leverage),
            taker_ratio=float(settings.taker_rate(category)),
            maker_ratio=float(settings.maker_rate(category)),
            slippage_ratio=float(settings.slippage_bps * BASIS_POINT),
            slippage_part=_part(settings.slippage_bps * BASIS_POINT * HUNDRED),
            tick_whole=0.0 if tick is None else tick[0],
            tick_parts=1.0 if tick is None else tick[1],
            step_whole=step[0],
            step_parts=step[1],
            min_quantity=float(filters.min_quantity),
            min_notional=float(filters.min_notional),
            capital=float(settings.equity),
            max_entries=-1 if limits.max_entries_per_day is None else limits.max_entries_per_day,
            cooldown_bars=limits.cooldown_bars,
            keep_ratio=math.nan if limits.max_daily_loss_pct is None else 1.0 - _ratio(limits.max_daily_loss_pct),
        )


def bars_of(candles: Candles, settings: Settings, limits: Limits, first: int, last: int) -> layout.Bars:
    """Bars `first` … `last` of the candles are run."""
    import numpy as np

    times = np.ascontiguousarray(candles.open_time_ms)
    days = times // DAY_MS
    length = length_ms(candles.timeframe)
    funding_bar, funding_ratio = _funding(settings, times, first, last)
    changes = np.zeros(len(days), dtype=np.int64)
    changes[first + 1 :] = days[first + 1 :] != days[first:-1]
    return layout.Bars(
        open_ms=times,
        open=np.ascontiguousarray(candles.open),
        high=np.ascontiguousarray(candles.high),
        low=np.ascontiguousarray(candles.low),
        close=np.ascontiguousarray(candles.close),
        day=np.cumsum(changes),
        shut=_shut(times + length, limits),
        funding_bar=funding_bar,
        funding_ratio=funding_ratio,
        length_ms=length,
        first=first,
        last=last,
    )


def signals_of(plan: Signal, columns: Mapping[str, NDArray[np.float64]]) -> layout.Signals:
    """`columns`: the program's outputs."""
    import numpy as np

    def is_true(rule: str) -> NDArray[np.uint8]:
        column = columns.get(rule)
        return np.empty(0, dtype=np.uint8) if column is None else (column == 1.0).view(np.uint8)

    long, short = is_true("rules.enter_long"), is_true("rules.enter_short")
    sides = [(bit, flags) for bit, flags in ((layout.LONG, long), (layout.SHORT, short)) if len(flags)]
    enter = sides[0][1] * np.uint8(sides[0][0])
    for bit, flags in sides[1:]:
        enter |= flags * np.uint8(bit)
    return layout.Signals(
        enter=enter,
        exit_long=is_true("rules.exit_long"),
        exit_short=is_true("rules.exit_short"),
        stop=_measured("stop_loss", plan.protect.stop_loss, columns),
        target=_measured("take_profit", plan.protect.take_profit, columns),
    )


def _parts(step: Decimal) -> tuple[float, float] | None:
    """A tick or step as whole numbers: so many of so many parts of one."""
    numerator, denominator = step.as_integer_ratio()
    parts = 10 ** max(0, -int(step.normalize().as_tuple().exponent))
    whole: int = numerator * parts // denominator
    return (float(whole), float(parts)) if parts <= _PARTS_MAX and whole <= _PARTS_MAX else None


def unit_parts_of(candles: Candles, filters: Filters) -> int:
    """The smallest power of ten of which all prices and the tick are whole parts; 0: there is none small enough."""
    import numpy as np

    prices = (candles.open, candles.high, candles.low, candles.close)
    most = max((float(column.max()) for column in prices if len(column)), default=0.0)
    tick = filters.tick_size
    for digits in range(_UNIT_DIGITS_MAX + 1):
        parts = int(10**digits)
        if most * parts >= layout.WHOLE_MAX:
            return 0
        if (tick is None or tick * parts == int(tick * parts)) and all(
            bool(np.all(np.floor(column * parts + 0.5) / parts == column)) for column in prices
        ):
            return parts
    return 0


def _part(pct: Decimal) -> int:
    """Of `layout.RATIO_PARTS`; -1: it is none."""
    part = pct / HUNDRED * layout.RATIO_PARTS
    return int(part) if part == int(part) and part < layout.RATIO_PARTS * 100 else -1


def _level_part(level: Level | None) -> int:
    if level is None:
        return 0
    return _part(level.amount if level.by == "pct" else level.amount * HUNDRED)


def _ratio(pct: Decimal) -> float:
    return float(pct / HUNDRED)


def _size(plan: Signal, filters: Filters) -> float:
    size = plan.size
    match size.by:
        case "base":
            return float(filters.quantity(size.amount, Decimal(1)))
        case "quote":
            return float(size.amount)
        case _:
            return _ratio(size.amount)


def _kind(level: Level | None) -> int:
    return layout.BY_NOTHING if level is None else _KINDS[level.by]


def _amount(level: Level | None) -> float:
    if level is None:
        return 0.0
    return _ratio(level.amount) if level.by == "pct" else float(level.amount)


def _measured(name: str, level: Level | None, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    import numpy as np

    if level is None or level.by not in ("atr", "price"):
        return np.empty(0)
    return np.ascontiguousarray(columns[f"protect.{name}.{level.by}"])


def _shut(close_ms: NDArray[np.int64], limits: Limits) -> NDArray[np.uint8]:
    """1 where the hours or the days let no entry be decided."""
    import numpy as np

    if limits.trade_minutes is None and limits.trade_days is None:
        return np.empty(0, dtype=np.uint8)
    shut = np.zeros(len(close_ms), dtype=bool)
    if limits.trade_minutes is not None:
        begin, end = limits.trade_minutes
        minute = close_ms // MINUTE_MS % (DAY_MS // MINUTE_MS)
        shut |= ~((begin <= minute) & (minute < end) if begin < end else (minute >= begin) | (minute < end))
    if limits.trade_days is not None:
        allowed = np.array([weekday(day * DAY_MS) in limits.trade_days for day in range(7)])
        shut |= ~allowed[close_ms // DAY_MS % 7]
    return shut.view(np.uint8)


def _funding(
    settings: Settings, times: NDArray[np.int64], first: int, last: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The rates by the bar at whose open they are due; those of one bar are added up."""
    import numpy as np

    if settings.funding is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    bars = np.searchsorted(times, settings.funding.time_ms)
    is_inside = (bars > first) & (bars <= last)
    due, places = np.unique(bars[is_inside], return_inverse=True)
    sums = np.bincount(places, weights=settings.funding.rate_ratio[is_inside], minlength=len(due))
    return due.astype(np.int64), sums.astype(np.float64)
