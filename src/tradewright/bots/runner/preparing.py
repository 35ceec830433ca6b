"""What a run is checked for before it may decide anything, by whoever takes it, however often it was checked before.

Lives here: `prepared`. The worker decides nothing about who may do what; it validates again what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.settings import BASIS_POINT, TAKER_BPS
from tradewright.bots.machines import RUNNABLE_CATEGORIES, RUNNABLE_KINDS
from tradewright.bots.machines.making import kind_of
from tradewright.bots.model import Limits
from tradewright.bots.runner.parts import NotStarted, RunnerParts
from tradewright.bots.runner.rows import RunRow
from tradewright.core.instrument import Instrument
from tradewright.strategy.check import Part, check_text, strategy_with_reasons
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    strategy: Strategy
    why: Mapping[str, Sequence[Part]]
    limits: Limits
    filters: Filters
    taker_rate: Decimal
    tick_size: Decimal


def prepared(row: RunRow, parts: RunnerParts) -> Prepared:
    """Raises `NotStarted`."""
    own = check_text(row.spec_text).strategy
    if own is None or own.sha256 != row.spec_sha256:
        raise NotStarted("run.spec_changed")
    found = strategy_with_reasons(row.spec_text, row.params)
    if found is None:
        raise NotStarted("run.spec_invalid")
    strategy, why = found
    kind = kind_of(strategy)
    if kind not in RUNNABLE_KINDS:
        raise NotStarted("run.kind_not_runnable", kind=kind, allowed=" ".join(sorted(RUNNABLE_KINDS)))
    category = row.instrument.category
    if category not in RUNNABLE_CATEGORIES or strategy.market.category != category:
        raise NotStarted("run.category_not_runnable", category=category, allowed=" ".join(sorted(RUNNABLE_CATEGORIES)))
    if strategy.market.timeframe != row.timeframe:
        raise NotStarted("run.timeframe_differs", value=row.timeframe, allowed=strategy.market.timeframe)
    try:
        limits = Limits.from_row(row.limits)
    except (KeyError, ValueError, TypeError, ArithmeticError):
        raise NotStarted("run.limits_missing") from None
    if row.capital <= 0:
        raise NotStarted("run.limits_missing")
    instrument = parts.instrument_of(row.instrument)
    if instrument is None:
        raise NotStarted("run.instrument_unknown", symbol=row.instrument.symbol)
    return Prepared(
        strategy=strategy,
        why=why,
        limits=limits,
        filters=filters_of(instrument),
        taker_rate=TAKER_BPS[category] * BASIS_POINT,
        tick_size=instrument.tick_size,
    )


def filters_of(instrument: Instrument) -> Filters:
    """What an instrument lets through, as strategies round and check."""
    return Filters(
        tick_size=instrument.tick_size,
        quantity_step=instrument.quantity_step,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional,
    )
