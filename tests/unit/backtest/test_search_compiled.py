"""Compiled searches: what is run so, that it says so, what is shared between sets and processes, and levels on a line.

That the trades are the plain engine's is `tests/property/test_compiled_twins.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.backtest.search.compiled.columns import SharedColumns
from tradewright.backtest.search.compiled.layout import Terms
from tradewright.backtest.search.compiled.numbers import counted, of_ratio, own_price, units_of
from tradewright.backtest.search.compiled.runs import interpreted_loop, why_plain
from tradewright.backtest.search.compiled.terms import terms_of, unit_parts_of
from tradewright.backtest.search.report import sweep_report, sweep_summary
from tradewright.backtest.search.sharing import Job
from tradewright.backtest.search.space import whole_grid
from tradewright.backtest.search.sweep import Searcher, Sweep, is_worth_compiling, searching
from tradewright.backtest.search.trial import Trials
from tradewright.backtest.search.walk_forward import pairs, walk
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.market.history.fine import FineCandles
from tradewright.market.history.rows import Rows
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.check.binding import Bindings
from tradewright.strategy.evaluate import crossings, stretches
from tradewright.strategy.model import Signal, Strategy
from tradewright.strategy.prices import Filters

HOUR_MS = 3_600_000
MONDAY_MS = 1_704_067_200_000
SPEC = """
version: 1
name: Cross
market: { category: linear, symbol: BTCUSDT, timeframe: 1h }
params:
  fast: { default: 2, min: 2, max: 4, step: 1 }
  slow: { default: 7, min: 6, max: 8, step: 1 }
rules:
  enter_long: crosses_above(sma(close, fast), sma(close, slow))
  exit_long: crosses_below(sma(close, fast), sma(close, slow))
protect: { stop_loss: { pct: 2 } }
size: { quote: 1000 }
"""


def _candles(bars: int = 300, digits: int | None = 2) -> Candles:
    rng = np.random.default_rng(11)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars)))
    close = close if digits is None else np.round(close, digits)
    opened = np.concatenate((close[:1], close[:-1]))
    return Candles(
        timeframe="1h",
        open_time_ms=MONDAY_MS + np.arange(bars) * HOUR_MS,
        open=opened,
        high=np.maximum(opened, close) + 0.5,
        low=np.minimum(opened, close) - 0.5,
        close=close,
        volume=np.full(bars, 1_000.0),
        turnover=np.full(bars, np.nan),
    )


def _strategy(text: str = SPEC) -> Strategy:
    strategy = check_text(text).strategy
    assert strategy is not None
    return strategy


def _terms(tick: str | None, unit_parts: int, spec: str = SPEC) -> Terms:
    strategy = _strategy(spec)
    assert isinstance(strategy.plan, Signal)
    settings = Settings(filters=Filters(tick_size=None if tick is None else Decimal(tick)))
    terms = terms_of(strategy.plan, strategy, settings, unit_parts)
    assert terms is not None
    return terms


def test_a_compiled_search_finds_what_the_plain_engine_does_says_so_and_is_kept_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradewright.backtest.search.compiled.machine import compiled_loop

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    candles = _candles()
    space = whole_grid(Bindings(SPEC, {}).ranges)
    job = Job(text=SPEC.encode(), params={}, settings=Settings())
    with searching(job, candles, 1) as searcher:
        plain = searcher.sweep(space, "net_profit", Window())
    with searching(replace(job, is_compiled=True), candles, 1) as searcher:
        found = searcher.sweep(space, "net_profit", Window())
        searcher.confirm(found, found.ranking[0], searcher.result(found, found.ranking[0], Window()))
    with searching(replace(job, is_compiled=True), candles, 2) as searcher:
        assert searcher.sweep(space, "net_profit", Window()) == found
    assert {outcome.engine for outcome in found.outcomes} == {"compiled"}
    assert {outcome.engine for outcome in plain.outcomes} == {"plain"}
    assert found.ranking == plain.ranking
    for number in range(len(space)):
        assert found.figures(number).trades == plain.figures(number).trades
        assert found.figures(number).sharpe == pytest.approx(plain.figures(number).sharpe, rel=1e-9)
        assert found.figures(number).net_profit == pytest.approx(plain.figures(number).net_profit, rel=1e-9)
    loop: Any = compiled_loop()
    loop.crossed_above(candles.close, candles.open, np.empty(len(candles)))
    assert sum(loop.crossed_above.stats.cache_misses.values()) == 0, "what the processes compiled is taken up"
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    told = _told(found)
    assert told["path"] == {"compiled": 9, "plain": 0, "why_plain": None}
    assert "9 compiled, to the plain engine's trades" in sweep_summary(told, "Cross")
    assert _told(plain)["path"]["why_plain"] == "it is done sooner than anything is compiled"


def test_where_nothing_can_be_kept_it_is_compiled_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tradewright.backtest.search.compiled.machine import cache_folder, compiled_loop

    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    loop: Any = compiled_loop()
    found = np.empty(2)
    loop.crossed_above(np.array([1.0, 3.0]), np.array([2.0, 2.0]), found)
    assert found.tolist() == [0.0, 1.0]
    assert loop.crossed_above.stats.cache_path is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tradewright" / "numba"


def _told(sweep: Sweep) -> dict[str, Any]:
    return sweep_report(sweep, _strategy(), Settings(), data={}, seed=None, program_version="0", warnings=[])


def test_walking_forward_finds_the_same_in_each_window_compiled() -> None:
    candles = _candles(480)
    bindings = Bindings(SPEC, {})
    windows = pairs(MONDAY_MS, MONDAY_MS + 480 * HOUR_MS, 6, 5, "rolling")
    walked = []
    for loop in (None, interpreted_loop()):
        searcher = Searcher(Trials(SPEC.encode(), {}, candles, Settings(), loop), None, 1, None)
        walked.append(walk(searcher, whole_grid(bindings.ranges), "sharpe", windows, Decimal(10_000)))
    plain, found = walked
    assert len(windows) == 3
    assert [step.number for step in found.steps] == [step.number for step in plain.steps]
    for one, other in zip(found.steps, plain.steps, strict=True):
        assert {outcome.engine for outcome in one.sweep.outcomes} == {"compiled"}
        assert [each.figures and each.figures.trades for each in one.sweep.outcomes] == [
            each.figures and each.figures.trades for each in other.sweep.outcomes
        ]
    assert found.final_equity == plain.final_equity


def test_compiling_is_for_searches_of_millions_of_bars() -> None:
    assert not is_worth_compiling(80, 44_640)
    assert is_worth_compiling(100, 44_640)


def test_a_column_that_sets_share_is_worked_out_once() -> None:
    asked: list[tuple[str, tuple[float, ...]]] = []

    def counting(name: str, constants: Sequence[float], inputs: Sequence[Any]) -> Any:
        asked.append((name, tuple(constants)))
        return stretches.run(name, constants, inputs)

    candles, bindings = _candles(), Bindings(SPEC, {})
    columns = SharedColumns(bindings.program, candles, counting)
    space = whole_grid(bindings.ranges)
    for number in range(len(space)):
        bound = bindings.bind(space.values(number))
        columns.of(bound.program)  # type: ignore[union-attr] # all nine are sets
    assert sorted(asked) == [("sma", (float(length),)) for length in (2, 3, 4, 6, 7, 8)]


def test_a_crossing_that_comes_again_is_kept_and_one_of_a_single_set_is_not() -> None:
    made: list[int] = []

    def counting(a: Any, b: Any, found: Any) -> None:
        made.append(len(found))
        interpreted_loop().crossed_above(a, b, found)

    bindings = Bindings(SPEC, {})
    columns = SharedColumns(bindings.program, _candles(), stretches.run, counting)
    told = []
    for number in (0, 0, 0, 1):
        bound = bindings.bind(whole_grid(bindings.ranges).values(number))
        told.append(columns.of(bound.program)["rules.enter_long"])  # type: ignore[union-attr] # it is a set
    assert len(made) == 2 * 2 + 2, "two crossings of set 0 made twice, then kept; two of set 1"
    assert np.array_equal(told[0], told[2], equal_nan=True)
    assert told[1] is told[2]


@pytest.mark.parametrize(
    ("changed", "settings", "words"),
    [
        (("exit_long: crosses", "exit_long: position.bars > 3 or crosses"), Settings(), "names position"),
        (("{ quote: 1000 }", "{ quote: 1000 }"), "fine", "finer candles"),
        (("{ quote: 1000 }", "{ quote: 1000 }"), "step", "too many digits"),
    ],
)
def test_what_cannot_be_compiled_says_why(changed: tuple[str, str], settings: Any, words: str) -> None:
    empty = np.empty(0)
    rows = Rows(
        open_time_ms=np.empty(0, dtype=np.int64), open=empty, high=empty, low=empty, close=empty, volume=empty,
        turnover=empty,
    )  # fmt: skip
    if settings == "fine":
        settings = Settings(fine=FineCandles(spacing_ms=HOUR_MS // 4, rows=rows))
    elif settings == "step":
        settings = Settings(filters=Filters(quantity_step=Decimal("1e-18")))
    why = why_plain(_strategy(SPEC.replace(*changed)), settings)
    assert why is not None
    assert words in why


def test_a_set_of_which_doubles_cannot_tell_goes_through_the_plain_engine() -> None:
    text = SPEC.replace("crosses_above(sma(close, fast), sma(close, slow))\n", "close > open\n")
    candles = _candles()
    # 1000 a unit of 100 is ten whole steps: no double says whether the quotient was ten or a little less.
    flat = replace(candles, close=np.where(candles.close > candles.open, 100.0, candles.close))
    trials = Trials(text.encode(), {}, flat, Settings(), interpreted_loop())
    values = {"fast": Decimal(2), "slow": Decimal(7)}
    assert trials.why_plain() is None
    assert trials.compiled_trades(values, Window()) is None
    outcome = trials.outcome(values, Window())
    assert outcome.engine == "plain"
    assert outcome.figures is not None
    assert outcome.figures.trades > 0


def test_candles_whose_prices_are_no_decimals_are_compiled_without_a_tick_only() -> None:
    candles = _candles(digits=None)
    assert unit_parts_of(candles, Filters()) == 0
    assert unit_parts_of(_candles(), Filters()) == 100
    assert unit_parts_of(_candles(), Filters(tick_size=Decimal("0.005"))) == 1_000
    values = {"fast": Decimal(2), "slow": Decimal(7)}
    for tick, is_compiled in ((None, True), (Decimal("0.01"), False)):
        settings = Settings(filters=Filters(tick_size=tick))
        trials = Trials(SPEC.encode(), {}, candles, settings, interpreted_loop())
        assert (trials.compiled_trades(values, Window()) is not None) == is_compiled


def test_a_percentage_that_falls_on_a_tick_is_on_it_whichever_way_doubles_err() -> None:
    # 2 % below 98 is 96.04, 2 % above 91 is 92.82; doubles find a little less, and a little more.
    assert 98.0 * (1 - 0.02) < 96.04
    assert 91.0 * (1 + 0.02) > 92.82
    terms = _terms("0.01", 100)
    for price, side, expected in ((98.0, 1, 96.04), (91.0, -1, 92.82)):
        line = of_ratio(price, units_of(price, terms), 1, 0.02, 2_000_000, side, True, terms.tick_units, terms)
        assert (line.price, line.touch, line.doubt) == (expected, expected, 0.0)
    # Off the tick a long's stop goes down and a short's up: 2 % of 100.51 is 2.0102.
    for side, expected in ((1, 98.49), (-1, 102.53)):
        line = of_ratio(100.51, units_of(100.51, terms), 1, 0.02, 2_000_000, side, True, terms.tick_units, terms)
        assert line.price == expected


def test_without_a_tick_a_level_is_touched_by_the_prices_that_there_are() -> None:
    terms = _terms(None, 100)
    # 98.4998: a low of 98.49 reaches it and one of 98.50 does not; exactly 98.49 is reached by 98.49.
    line = of_ratio(100.51, units_of(100.51, terms), 1, 0.02, 2_000_000, 1, True, 0, terms)
    assert line.price == pytest.approx(98.4998, rel=1e-15)
    assert (line.touch, line.doubt) == (98.49, 0.0)
    assert of_ratio(100.5, units_of(100.5, terms), 1, 0.02, 2_000_000, 1, True, 0, terms).touch == 98.49
    # Nobody knows what a price is made of that has no whole parts: near a line it is unsure.
    assert of_ratio(100.5, 0, 0, 0.02, 2_000_000, 1, True, 0, terms).doubt > 0


def test_a_price_that_stands_for_itself_is_rounded_as_its_text() -> None:
    terms = _terms("0.05", 100)
    assert own_price(100.15, True, terms).price == 100.15
    assert own_price(100.15, False, terms).price == 100.15
    assert own_price(math.nextafter(100.15, 0), True, terms).price == 100.1
    assert own_price(math.nextafter(100.15, 200), False, terms).price == 100.2


def test_a_quotient_is_whole_steps_or_unsure() -> None:
    terms = _terms(None, 100)  # a step of 0.000001
    assert counted(1000.0, 43_210.5, 0.0, terms) == 0.023142
    assert counted(1000.0, 100.0, 0.0, terms) == -1.0


def test_crossings_are_those_of_whole_columns() -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.choice([1.0, 2.0, 3.0, math.nan], 500) for _ in range(2))
    found = np.empty(500)
    interpreted_loop().crossed_above(a, b, found)
    assert np.array_equal(found, crossings.apply("crosses_above", a, b), equal_nan=True)
    interpreted_loop().crossed_above(b, a, found)
    assert np.array_equal(found, crossings.apply("crosses_below", a, b), equal_nan=True)
    assert {0.0, 1.0} <= set(found.tolist())
