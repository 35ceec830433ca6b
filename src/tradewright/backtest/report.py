"""The report: a result as the JSON that the contract's section 4 describes, with our own keys behind.

Lives here: keys and texts. Money, prices and quantities are plain decimals of at most 18 places; ratios are numbers.
A million points of equity are never in memory as Python's own objects at once: `pieces_of` makes the text in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from tradewright.backtest.metrics import Drawdown, Metrics, drawdowns, held_drawdown_pct, metrics_of
from tradewright.backtest.result import Result, Trade, Warned
from tradewright.backtest.settings import Settings
from tradewright.core.money import plain, rounded
from tradewright.strategy.model import Strategy

Engine = Literal["fast", "exact"]
ENGINE: Engine = "fast"
ENGINE_VERSION = "1"  # another one may give other trades for the same spec, candles and settings
_PLACES = Decimal("1e-18")
_NO_EQUITY = b'"equity":[],'
_POINTS = 4_096
_SIDES = {1: "long", -1: "short"}

Report = dict[str, Any]


def report_of(
    result: Result,
    *,
    warnings: Sequence[Warned],
    data: Mapping[str, str],
    program_version: str,
    engine: Engine = ENGINE,
) -> Report:
    """`warnings`: of the check, then of the run, then advice. `data`: what the candles are (`sha256`, …).

    The key `equity` is there, and empty: `pieces_of` puts it in.
    """
    metrics = metrics_of(result)
    return {
        "spec_sha256": result.strategy.sha256,
        "bars": result.bars,
        "from": result.opened_ms,
        "to": result.closed_ms,
        "metrics": _metrics(metrics),
        "trades": [_trade(trade) for trade in result.trades],
        "equity": [],
        "warnings": [_warned(one) for one in warnings],
        "drawdowns": [_drawdown(one) for one in drawdowns(result)],
        "buy_and_hold": {
            "net_profit_pct": metrics.buy_and_hold_pct,
            "max_drawdown_pct": held_drawdown_pct(result),
        },
        "engine": {"name": engine, "version": ENGINE_VERSION, "program": program_version},
        "data": dict(data),
        "settings": settings_of(result.settings, result.strategy),
    }


def settings_of(settings: Settings, strategy: Strategy) -> Report:
    """Everything beside spec and candles that the numbers hang on, with the defaults that were in force."""
    category, filters = strategy.market.category, settings.filters
    return {
        "equity": plain(settings.equity),
        "fee_taker_bps": plain(settings.taker_rate(category) * 10_000),
        "fee_maker_bps": plain(settings.maker_rate(category) * 10_000),
        "slippage_bps": plain(settings.slippage_bps),
        "tick_size": None if filters.tick_size is None else plain(filters.tick_size),
        "qty_step": plain(filters.quantity_step),
        "min_qty": plain(filters.min_quantity),
        "min_notional": plain(filters.min_notional),
        "maintenance_margin_pct": plain(settings.maintenance_margin_pct),
        "funding_rates": 0 if settings.funding is None else len(settings.funding),
        "fine_ms": None if settings.fine is None else settings.fine.spacing_ms,
        "params": {name: plain(value) for name, value in strategy.params.items()},
    }


def _metrics(metrics: Metrics) -> Report:
    """In the order of the contract."""
    return {
        "net_profit": _text(metrics.net_profit),
        "net_profit_pct": metrics.net_profit_pct,
        "max_drawdown_pct": metrics.max_drawdown_pct,
        "sharpe": metrics.sharpe,
        "sortino": metrics.sortino,
        "profit_factor": metrics.profit_factor,
        "win_rate": metrics.win_rate,
        "trades": metrics.trades,
        "fees": _text(metrics.fees),
        "funding": _text(metrics.funding),
        "exposure_pct": metrics.exposure_pct,
        "avg_trade_pct": metrics.avg_trade_pct,
        "expectancy": _text(metrics.expectancy),
        "buy_and_hold_pct": metrics.buy_and_hold_pct,
    }


def _trade(trade: Trade) -> Report:
    return {
        "side": _SIDES[trade.direction],
        "qty": _text(trade.quantity),
        "entry_time": trade.entry_time_ms,
        "entry_price": _text(trade.entry_price),
        "entry_reason": trade.entry_reason,
        "exit_time": trade.exit_time_ms,
        "exit_price": _text(trade.exit_price),
        "exit_reason": trade.exit_reason,
        "fees": _text(trade.fees),
        "funding": _text(trade.funding),
        "pnl": _text(trade.pnl),
        "pnl_pct": trade.pnl_pct,
        "bars": trade.bars,
        "ambiguous": trade.is_ambiguous,
    }


def pieces_of(report: Report, result: Result) -> Iterator[bytes]:
    """The report as JSON, its equity included."""
    before, after = _json(report).split(_NO_EQUITY)
    yield before + b'"equity":['
    for number, points in enumerate(_equity(result)):
        yield (b"," if number else b"") + _json(points)[1:-1]
    yield b"]," + after


def _equity(result: Result) -> Iterator[list[tuple[int, float]]]:
    """[from, capital], then each close's, the last one as the trades say, not as doubles add up."""
    yield [(result.opened_ms, float(result.capital))]
    last = result.bars - 1
    for start in range(0, last, _POINTS):
        end = min(last, start + _POINTS)
        times, equity = result.close_times_ms[start:end].tolist(), result.equity[start:end].tolist()
        yield list(zip(times, equity, strict=True))
    yield [(result.closed_ms, float(result.final_equity))]


def _json(value: object) -> bytes:
    import msgspec

    return msgspec.json.encode(value)


def _warned(one: Warned) -> Report:
    return {"code": one.code, "message": one.message, "count": one.count, "first_time": one.first_time_ms}


def _drawdown(one: Drawdown) -> Report:
    return {"pct": one.pct, "from": one.peak_ms, "lowest": one.lowest_ms, "recovered": one.recovered_ms}


def _text(value: Decimal) -> str:
    return plain(rounded(value, _PLACES))
