"""Compiled runs of a search against the fast engine, on searches drawn by chance and on all templates.

`make compiled-twins SEEDS=2000` plays many, compiled; here a few, by the same functions as they stand. Every trade must
be the same: times, sides, reasons, bars, and quantities, prices and money to a double's rounding.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from support.backtests.drawn_sweeps import draw_search
from support.strategy_series import series
from tradewright.backtest.result import Result, Trade
from tradewright.backtest.search.compiled.runs import Loop, interpreted_loop, why_plain
from tradewright.backtest.search.figures import Figures, figures_of
from tradewright.backtest.search.trial import Trials, Values
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.strategy.check.binding import Impossible
from tradewright.strategy.evaluate import stretches
from tradewright.strategy.prices import Filters
from tradewright.strategy.templates import TEMPLATES, template_text

SEEDS = int(os.environ.get("SEEDS", "48"))
FIRST = int(os.environ.get("FIRST", "0"))
TEMPLATE_BARS = 700
PLAIN = {"atr_momentum", "grid_neutral", "dca_long"}  # a position in an expression, and other kinds
_CHUNKS = 8
_NEAR_PRICE = 1e-14  # a few roundings of a double
_WHOLE = ("direction", "entry_time_ms", "entry_reason", "exit_time_ms", "exit_reason", "bars", "is_ambiguous")


@pytest.fixture(scope="module")
def loop() -> Loop:
    """Compiled where there are many scenes: a few are played sooner than it compiles."""
    if "SEEDS" not in os.environ:
        return interpreted_loop()
    from tradewright.backtest.search.compiled.machine import compiled_loop

    return replace(compiled_loop(), functions=stretches.run)  # each function would take seconds more


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_a_compiled_run_makes_the_trades_of_the_fast_engine(chunk: int, loop: Loop) -> None:
    told: Counter[str] = Counter()
    for seed in range(FIRST + chunk, FIRST + SEEDS, _CHUNKS):
        drawn = draw_search(seed)
        trials = Trials(drawn.text.encode(), {}, drawn.candles, drawn.settings, loop)
        window = Window(drawn.settings.from_ms, drawn.settings.to_ms)
        for values in drawn.sets:
            compare(trials, values, window, told, f"seed {seed}: {values} {drawn.text} {drawn.settings}")
    print(f"compiled-twins: {dict(sorted(told.items()))}, 0 differences")
    assert told["compiled"] > told["plain"], "runs that doubles leave to the plain engine compare nothing"
    assert told["trades"] > 5 * told["compiled"], "scenes without trades compare nothing"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_run_compiled_to_the_same_trades_or_it_says_why_not(name: str, loop: Loop) -> None:
    candles = series("ethusdt-linear-15m-sample.csv.gz", TEMPLATE_BARS)
    settings = Settings(filters=Filters(tick_size=Decimal("0.01"), quantity_step=Decimal("0.01")))
    text = template_text(name)
    trials = Trials(text.encode(), {}, candles, settings, loop)
    why = why_plain(trials.bindings.strategy, settings)
    told: Counter[str] = Counter()
    compare(trials, {each.name: each.value(0) for each in trials.bindings.ranges}, Window(), told, name)
    assert (why is None) == (told["compiled"] == 1), f"{name}: {why}, {told}"
    assert (why is None) == (name not in PLAIN), f"{name}: {why}"


def compare(trials: Trials, values: Values, window: Window, told: Counter[str], about: str) -> None:
    trades = trials.compiled_trades(values, window)
    result = trials.result(values, window)
    outcome = trials.outcome(values, window)
    if isinstance(result, Impossible):
        assert trades is None, about
        assert outcome.faults == result.faults, about
        told["impossible"] += 1
        return
    assert outcome.engine == ("plain" if trades is None else "compiled"), about
    assert outcome.figures is not None
    if trades is None:
        told["plain"] += 1
        return
    assert_same_trades(trades, result, about)
    assert_same_figures(outcome.figures, figures_of(result), about)
    told.update({"compiled": 1, "trades": len(trades)})
    told.update(trade.exit_reason for trade in trades)
    told["ambiguous"] += sum(trade.is_ambiguous for trade in trades)


def assert_same_trades(found: list[Trade], result: Result, about: str) -> None:
    for number, (one, other) in enumerate(zip(found, result.trades, strict=False)):
        for key in _WHOLE:
            assert getattr(one, key) == getattr(other, key), f"{key} of trade {number} of {about}"
        for key in ("quantity", "entry_price", "exit_price"):
            assert float(getattr(one, key)) == pytest.approx(float(getattr(other, key)), rel=_NEAR_PRICE), (
                f"{key} of trade {number} of {about}"
            )
        turned_over = float(other.quantity * other.entry_price)
        for key in ("fees", "funding", "pnl"):
            near = pytest.approx(float(getattr(other, key)), rel=0, abs=_NEAR_PRICE * turned_over)
            assert float(getattr(one, key)) == near, f"{key} of trade {number} of {about}"
    assert len(found) == len(result.trades), about


def assert_same_figures(found: Figures, plain: Figures, about: str) -> None:
    for field in fields(Figures):
        one, other = getattr(found, field.name), getattr(plain, field.name)
        # How lopsided returns of next to nothing are hangs on their last digits.
        near_ratio = 1e-4 if field.name in ("skewness", "kurtosis") else 1e-6
        near = None if other is None else pytest.approx(other, rel=near_ratio, abs=near_ratio)
        assert one == near, f"{field.name} of {about}: {one}, {other}"
