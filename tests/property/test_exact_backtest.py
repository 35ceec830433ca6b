"""The exact mode beside the fast engine: the live core on the simulated exchange makes the trades that were calculated.

`make exact` compares each template over the whole month, on its own bars, on minutes, and with the minutes inside its
bars, and SEEDS scenes drawn by chance; here a slice of each and a few.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog

from support.backtests import compared
from support.backtests.compared import Compared, compare
from support.backtests.drawn import draw
from support.backtests.tables import Case, expected_trades, expected_warnings, read_cases, told_trades, told_warnings
from tradewright.backtest.engine import run
from tradewright.backtest.result import Trade
from tradewright.backtest.settings import BadSettings, Settings
from tradewright.lab.exact import check_exact, run_exact
from tradewright.market.history.files import read
from tradewright.market.history.fine import FineCandles
from tradewright.market.history.funding import read_funding
from tradewright.market.history.rows import Rows
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.evaluate.longer import build
from tradewright.strategy.model import Signal, Strategy
from tradewright.strategy.prices import Filters
from tradewright.strategy.templates import TEMPLATES, template_text

DATA = Path(__file__).parents[1] / "data"
SEEDS = int(os.environ.get("SEEDS", "24"))
FIRST = int(os.environ.get("FIRST", "0"))
MONTH_DAYS = 31.0
DAYS = float(os.environ.get("EXACT_DAYS", "10"))  # of the month's
IS_MONTH = DAYS >= MONTH_DAYS
MINUTE_DAYS = DAYS if IS_MONTH else DAYS / 10  # a day of minutes costs as much as two weeks of the templates' own bars
RUNS_MAX = 40 if IS_MONTH else 3  # of a comparison that has to begin again: the month is compared to its end
_CHUNKS = 4
_DAY_MS = 86_400_000
_AMBIGUOUS_SHARE_MAX = 0.02
SETTINGS = Settings(filters=Filters(tick_size=Decimal("0.1"), quantity_step=Decimal("0.001")))


def strategy_of(name: str, timeframe: str = "15m") -> Strategy:
    """A template; all of them are written for 15m."""
    strategy = check_text(template_text(name).replace("timeframe: 15m", f"timeframe: {timeframe}")).strategy
    assert strategy is not None
    assert strategy.market.timeframe == timeframe
    return strategy


def runs_exactly(strategy: Strategy) -> bool:
    try:
        check_exact(strategy)
    except BadSettings:
        return False
    return True


RUN = [name for name in TEMPLATES if runs_exactly(strategy_of(name))]
SIGNALS = [name for name in RUN if isinstance(strategy_of(name).plan, Signal)]
CASES = [
    case
    for name in ("signal.yaml", "dca.yaml", "grid.yaml")
    for case in read_cases(name)
    if runs_exactly(case.strategy)
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Session and exchange tell all that they do; a run's trades say enough."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@cache
def month() -> Candles:
    return read(DATA / "btcusdt-linear-1m-month.csv.gz", "1m").candles


def days(timeframe: Any, first: float, count: float) -> Candles:
    """Of the month, as bars of a longer timeframe."""
    minutes = slice(round(first * 1_440), round((first + count) * 1_440))
    whole = month()
    columns = {one.name: getattr(whole, one.name)[minutes] for one in fields(whole) if one.name != "timeframe"}
    cut = replace(whole, **columns)
    return cut if timeframe == "1m" else build(cut, timeframe)


@pytest.mark.parametrize("name", RUN)
def test_a_template_trades_on_the_live_core_as_the_fast_engine_calculates(name: str) -> None:
    timeframe = "5m" if name.startswith("grid") else "15m"  # longer bars pass both levels of a cell too often
    found = compare(strategy_of(name, timeframe), days(timeframe, 0, DAYS), SETTINGS, name, runs_max=RUNS_MAX)
    assert found.trades > 2, f"{name} hardly traded: nothing was compared"
    assert_few_are_ambiguous(found, name)


@pytest.mark.parametrize("name", RUN)
def test_a_template_trades_alike_on_minutes_with_funding(name: str) -> None:
    """Many short trades, most of them with levels a few ticks away."""
    funding = read_funding(DATA / "btcusdt-linear-funding-month.csv.gz")
    candles, settings = days("1m", 0, MINUTE_DAYS), replace(SETTINGS, funding=funding)
    found = compare(strategy_of(name, "1m"), candles, settings, f"{name} on 1m", runs_max=RUNS_MAX)
    assert found.trades > 2 or not IS_MONTH, f"{name} hardly traded in a month of minutes: nothing was compared"
    assert_few_are_ambiguous(found, f"{name} on 1m")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_template_trades_alike_with_the_minutes_inside_its_bars(name: str) -> None:
    """Both walk the finer candles: a stop and a target of one bar come in the order in which the minutes had them."""
    count = DAYS if IS_MONTH else DAYS / 2
    settings = replace(SETTINGS, fine=minutes_inside(0, count))
    found = compare(strategy_of(name), days("15m", 0, count), settings, f"{name} with --fine", runs_max=RUNS_MAX)
    assert found.trades > 0, f"{name} did not trade: nothing was compared"
    assert_few_are_ambiguous(found, f"{name} with --fine")


def test_minutes_inside_a_bar_decide_what_the_bar_alone_leaves_open() -> None:
    """What the comparison above rests on: with the minutes other trades come out than without, in both engines."""
    strategy, candles = strategy_of("bollinger_reversion"), days("15m", 0, 5)
    fine = replace(SETTINGS, fine=minutes_inside(0, 5))
    for engine in (run, run_exact):
        alone, inside = engine(strategy, candles, SETTINGS).trades, engine(strategy, candles, fine).trades
        assert {trade.exit_time_ms % 900_000 for trade in alone} == {0}
        assert {trade.exit_time_ms % 900_000 for trade in inside} > {0}


def minutes_inside(first: float, count: float) -> FineCandles:
    inside = days("1m", first, count)
    rows = Rows(**{one.name: getattr(inside, one.name) for one in fields(Rows)})
    return FineCandles(spacing_ms=60_000, rows=rows)


def assert_few_are_ambiguous(found: Compared, name: str) -> None:
    """Those there are, are listed. One may be among few trades."""
    print(f"exact: {name}: {found.trades} trades, {len(found.ambiguous)} ambiguous, {len(found.differing)} differing")
    for trade in found.ambiguous:
        print(f"exact: {name}: ambiguous: {trade}")
    for one, other in found.differing:
        print(f"exact: {name}: differing: {one.exit_reason} {one.pnl} and exactly {other}")
    assert found.is_whole or not IS_MONTH, f"{name}: the comparison did not come to the end of the month"
    assert len(found.ambiguous) <= max(1, _AMBIGUOUS_SHARE_MAX * found.trades)


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_both_tell_the_same_of_scenes_drawn_by_chance(chunk: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(FIRST + chunk, FIRST + SEEDS, _CHUNKS):
        scene = draw(seed)
        if not runs_exactly(scene.strategy):
            continue
        found = compare(scene.strategy, scene.candles, scene.settings, f"seed {seed}: {scene.text} {scene.settings}")
        told.update(scenes=1, trades=found.trades, ambiguous=len(found.ambiguous), differing=len(found.differing))
    print(f"exact: {dict(told)}, 0 differences that may not be")
    assert told["trades"] > 5 * told["scenes"], "scenes without trades compare nothing"


@pytest.mark.parametrize("case", CASES, ids=[case.promise for case in CASES])
def test_hand_worked_bars_give_these_trades_on_the_live_core_too(case: Case) -> None:
    result = run_exact(case.strategy, case.candles, case.settings)
    expected = expected_trades(case)
    if any(line.endswith("~") for line in expected):
        compare(case.strategy, case.candles, case.settings, case.promise)  # they may differ, within bounds
        return
    assert told_trades(case, result) == expected
    assert told_warnings(case, result) == expected_warnings(case)


def test_a_fast_engine_that_is_a_tick_off_or_too_favourable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: it finds what it is there to find."""
    strategy, candles = strategy_of("ema_cross"), days("15m", 0, 4)
    fast, exact = run(strategy, candles, SETTINGS), run_exact(strategy, candles, SETTINGS)

    def doctored(change: Callable[[Trade], Trade]) -> None:
        trades: Sequence[Trade] = [change(fast.trades[0]), *fast.trades[1:]]
        with monkeypatch.context() as patch:
            patch.setattr(compared, "run", lambda *_: replace(fast, trades=trades))
            patch.setattr(compared, "run_exact", lambda *_: exact)
            with pytest.raises(AssertionError, match="trade 0 is"):
                compare(strategy, candles, SETTINGS, "doctored")

    doctored(lambda trade: trade._replace(exit_price=trade.exit_price + Decimal("0.1")))
    doctored(lambda trade: trade._replace(fees=trade.fees * (1 + Decimal("1e-8"))))
    doctored(lambda trade: trade._replace(exit_reason="take_profit"))
    doctored(lambda trade: trade._replace(exit_time_ms=trade.exit_time_ms + 60_000))
    doctored(lambda trade: trade._replace(pnl=trade.pnl + 1, is_ambiguous=True))


def test_neither_large_positions_nor_an_odd_leverage_are_refused_where_the_strategy_allows_them() -> None:
    text = template_text("ema_cross").replace("size: { equity_pct: 50 }", "size: { quote: 900000000 }\nleverage: 2.375")
    strategy = check_text(text).strategy
    assert strategy is not None
    found = compare(strategy, days("15m", 0, 2), replace(SETTINGS, equity=Decimal(10) ** 9), "large")
    assert found.trades > 2
