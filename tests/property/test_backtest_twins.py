"""The fast engine against the plain one (`support.backtests.plain_engine`), on scenes drawn by chance.

`make backtest-twins SEEDS=20000` plays many; here a few. Every trade, its money, every equity point and every warning
must be the same.
"""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal

import pytest

from support.backtests.drawn import draw
from support.backtests.plain_engine import Found, play
from support.strategy_series import series
from tradewright.backtest.engine import run
from tradewright.backtest.result import Result, Trade
from tradewright.backtest.settings import Settings
from tradewright.strategy.check import check_text
from tradewright.strategy.prices import Filters
from tradewright.strategy.templates import TEMPLATES, template_text

SEEDS = int(os.environ.get("SEEDS", "96"))
FIRST = int(os.environ.get("FIRST", "0"))
TEMPLATE_BARS = 700
_CHUNKS = 8
_NEAR = Decimal("1e-15")  # of money: it is rounded once for each trade
_NEAR_RATIO = 1e-9


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_both_engines_tell_the_same_of_scenes_drawn_by_chance(chunk: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(FIRST + chunk, FIRST + SEEDS, _CHUNKS):
        scene = draw(seed)
        fast = run(scene.strategy, scene.candles, scene.settings)
        plain = play(scene.strategy, scene.candles, scene.settings)
        assert_same(fast, plain, f"seed {seed}", f"{scene.text} {scene.settings}")
        told.update({"seeds": 1, "trades": len(fast.trades), "ambiguous": sum(t.is_ambiguous for t in fast.trades)})
        told.update(trade.exit_reason for trade in fast.trades)
        told.update(warned.code for warned in fast.warnings)
    print(f"backtest-twins: {dict(sorted(told.items()))}, 0 differences")
    assert told["trades"] > 5 * told["seeds"], "scenes without trades compare nothing"


@pytest.mark.parametrize("name", TEMPLATES)
def test_both_engines_tell_the_same_of_a_template(name: str) -> None:
    strategy = check_text(template_text(name)).strategy
    assert strategy is not None
    candles = series("ethusdt-linear-15m-sample.csv.gz", TEMPLATE_BARS)
    settings = Settings(filters=Filters(tick_size=Decimal("0.01"), quantity_step=Decimal("0.01")))
    fast, plain = run(strategy, candles, settings), play(strategy, candles, settings)
    assert_same(fast, plain, name, "on the sample")


def assert_same(fast: Result, plain: Found, name: str, made_of: str) -> None:
    about = f"{name}: {made_of}"
    for number, (one, other) in enumerate(zip(fast.trades, plain.trades, strict=False)):
        assert told(one) == {key: value for key, value in other.items() if key not in _MONEY}, (
            f"trade {number} of {about}"
        )
        for key, value in (("fees", one.fees), ("funding", one.funding), ("pnl", one.pnl)):
            assert abs(value - other[key]) < _NEAR, f"{key} of trade {number} of {about}"
        assert abs(one.entry_price - other["entry_price"]) < _NEAR, f"entry of trade {number} of {about}"
        assert abs(one.exit_price - other["exit_price"]) < _NEAR, f"exit of trade {number} of {about}"
    assert len(fast.trades) == len(plain.trades), about
    assert len(fast.equity) == len(plain.equity), about
    for bar, (point, exact) in enumerate(zip(fast.equity, plain.equity, strict=True)):
        assert point == pytest.approx(float(exact), rel=_NEAR_RATIO, abs=1e-7), f"equity at bar {bar} of {about}"
    assert {w.code: (w.count, w.first_time_ms) for w in fast.warnings} == {
        code: (len(times), times[0]) for code, times in plain.warnings.items()
    }, about
    assert fast.exposed == plain.exposed, about


_MONEY = ("fees", "funding", "pnl", "entry_price", "exit_price")


def told(trade: Trade) -> dict[str, object]:
    return {
        "side": trade.direction,
        "qty": trade.quantity,
        "entry_time": trade.entry_time_ms,
        "entry_reason": trade.entry_reason,
        "exit_time": trade.exit_time_ms,
        "exit_reason": trade.exit_reason,
        "bars": trade.bars,
        "ambiguous": trade.is_ambiguous,
        "cell": trade.cell,
    }
