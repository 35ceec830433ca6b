"""Every template is a spec without a fault or a warning, trades on a month of candles, and does not know the future."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import tradewright.strategy.templates as templates
from tradewright.backtest.engine import run
from tradewright.backtest.result import Result, Trade
from tradewright.backtest.settings import Settings
from tradewright.market.history.files import read_candles
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Dca, Grid, Signal, Strategy
from tradewright.strategy.templates import TEMPLATES, template_text

DATA = Path(__file__).resolve().parents[2] / "data"
MONTH = DATA / "btcusdt-linear-1m-month.csv.gz"
RECORDED = DATA.parents[2] / "shared" / "data" / "btcusd-perp-1m-2022-01.csv.gz"
QUARTER = 15
COLUMNS = ("open_time_ms", "open", "high", "low", "close", "volume", "turnover")
# Of a price of about 40,000, where the recorded month is.
GRID_OF_2022 = {"lower": "33000", "upper": "48500", "stop_below": "32000", "stop_above": "50000"}


def strategy_of(name: str, *, settings: Mapping[str, str] | None = None, timeframe: str = "15m") -> Strategy:
    text = template_text(name).replace("timeframe: 15m", f"timeframe: {timeframe}")
    checked = check_text(text, settings=settings or {})
    assert (checked.errors, checked.warnings) == ([], [])
    assert checked.strategy is not None
    assert checked.strategy.market.timeframe == timeframe
    return checked.strategy


@cache
def quarters(file: Path) -> Candles:
    """The file's minutes as whole quarters of an hour."""
    minutes = read_candles(file, "1m")
    skipped = int(-(minutes.open_time_ms[0] // 60_000) % QUARTER)
    whole = (len(minutes) - skipped) // QUARTER
    tables = {name: getattr(minutes, name)[skipped:][: whole * QUARTER].reshape(whole, QUARTER) for name in COLUMNS}
    return Candles(
        timeframe="15m",
        open_time_ms=tables["open_time_ms"][:, 0].copy(),
        open=tables["open"][:, 0].copy(),
        high=tables["high"].max(axis=1),
        low=tables["low"].min(axis=1),
        close=tables["close"][:, -1].copy(),
        volume=tables["volume"].sum(axis=1),
        turnover=tables["turnover"].sum(axis=1),
    )


def ended_before(result: Result, ms: int) -> list[Trade]:
    return [trade for trade in result.trades if trade.exit_time_ms < ms]


def test_the_files_are_those_that_are_named() -> None:
    there = Path(templates.__file__).parent.glob("*.yaml")
    assert sorted(TEMPLATES) == sorted(file.stem for file in there)
    with pytest.raises(KeyError, match=r"there are ema_cross"):
        template_text("../model")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_says_what_it_is_and_where_it_loses(name: str) -> None:
    strategy = strategy_of(name)
    assert len(strategy.description) >= 200
    assert re.search(r"\b(loses?|loss|losses|losing|fail|under water|weaker|wrong)\b", strategy.description)
    match strategy.plan:
        case Signal(protect=protect):
            assert protect.stop_loss is not None
        case Dca(stop_loss_pct=stop):
            assert stop is not None
        case Grid(stop_below=below, stop_above=above):
            assert None not in (below, above)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_trades_on_a_month_and_its_books_are_in_balance(name: str) -> None:
    candles = quarters(MONTH)
    result = run(strategy_of(name), candles, Settings())
    assert len(result.trades) >= 10
    assert result.final_equity == result.capital + sum(trade.pnl for trade in result.trades)
    assert result.bars == len(candles) == 31 * 96
    assert all(trade.quantity > 0 and trade.fees > 0 for trade in result.trades)


@pytest.mark.parametrize("name", TEMPLATES)
def test_cutting_the_future_off_changes_no_trade_that_was_over(name: str) -> None:
    candles = quarters(MONTH)
    whole = run(strategy_of(name), candles, Settings())
    for share_pct in (35, 70):
        bars = len(candles) * share_pct // 100
        cut_ms = int(candles.open_time_ms[bars - 1])  # at the last bar's close everything is closed, and only there
        part = run(
            strategy_of(name), replace(candles, **{one: getattr(candles, one)[:bars] for one in COLUMNS}), Settings()
        )
        assert ended_before(part, cut_ms) == ended_before(whole, cut_ms)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_trades_on_a_recorded_month(name: str) -> None:
    if not RECORDED.exists():
        pytest.skip("the real series are not here")
    settings = GRID_OF_2022 if name == "grid_neutral" else None
    result = run(strategy_of(name, settings=settings), quarters(RECORDED), Settings())
    assert len(result.trades) >= 10
    assert result.final_equity == result.capital + sum(trade.pnl for trade in result.trades)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_a_spec_of_minutes_too(name: str) -> None:
    """The two backtests are compared on minutes."""
    assert strategy_of(name, timeframe="1m").timeframes[0] == "1m"
