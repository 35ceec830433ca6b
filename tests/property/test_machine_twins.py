"""The machines that bots run on against the fast backtest: the same bars, filled as the contract says, give the same
trades, digit for digit; on scenes drawn by chance and on every template.

What a machine remembers goes through JSON every few closes, so that it is as if another process went on.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from support.backtests.drawn import Scene, draw
from support.bots.toy_filler import play
from support.strategy_series import series
from tradewright.backtest.engine import run
from tradewright.backtest.result import Result
from tradewright.backtest.settings import Settings
from tradewright.core.money import plain
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Grid
from tradewright.strategy.prices import Filters
from tradewright.strategy.templates import TEMPLATES, template_text

SEEDS = int(os.environ.get("SEEDS", "160"))
FIRST = int(os.environ.get("FIRST", "0"))
_CHUNKS = 4
_NEAR = Decimal("1e-15")
_BARS = 3_000
_RUN_CODES = ("protect_unknown", "protect_wrong_side", "size_capped", "insufficient_balance", "entry_conflict")


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_a_machine_trades_as_the_backtest_on_scenes_drawn_by_chance(chunk: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(FIRST + chunk, FIRST + SEEDS, _CHUNKS):
        scene = draw(seed)
        settings = replace(scene.settings, fine=None, from_ms=None, to_ms=None)
        if isinstance(scene.strategy.plan, Grid):
            told.update(grid_scene(seed, scene, settings))
            continue
        fast = run(scene.strategy, scene.candles, settings)
        trades, notes = play(scene.strategy, scene.candles, settings)
        must_agree(fast, trades, f"seed {seed}: {scene.text} {settings}")
        warned = {one.code: one.count for one in fast.warnings if one.code in _RUN_CODES}
        assert {code: notes[code] for code in _RUN_CODES if code in notes} == warned, f"seed {seed}"
        told.update({"seeds": 1, "trades": len(trades)})
        told.update(trade["exit_reason"] for trade in trades)
    print(f"machine-twins: {dict(sorted(told.items()))}, 0 differences")
    assert told["trades"] > 5 * told["seeds"] > 0, "scenes without trades compare nothing"
    assert told["grid trades"] > 3 * told["grids"] > 0, "grids without trades compare nothing"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_machine_trades_as_the_backtest_on_every_template(name: str) -> None:
    strategy = check_text(template_text(name)).strategy
    assert strategy is not None
    if isinstance(strategy.plan, Grid):
        pytest.skip("its levels are of another market; scenes drawn by chance have grids")
    candles = series("ethusdt-linear-15m-sample.csv.gz", _BARS)
    settings = Settings(filters=Filters(tick_size=Decimal("0.01"), quantity_step=Decimal("0.01")))
    fast = run(strategy, candles, settings)
    trades, _ = play(strategy, candles, settings, forgets_every=50)
    must_agree(fast, trades, name)


def grid_scene(seed: int, scene: Scene, settings: Settings) -> dict[str, int]:
    """A grid begins at the close before the open at which the backtest does, so that one plays a bar less. Left out is
    where that open is another price, or where long and short cells are closed at once: there only the net is."""
    candles, plan = scene.candles, scene.strategy.plan
    assert isinstance(plan, Grid)
    first = next((k for k in range(1, len(candles)) if plan.lower <= candles.close[k - 1] <= plan.upper), None)
    opens = [k for k in range(1, len(candles)) if plan.lower <= candles.open[k] <= plan.upper]
    if first is None or not opens or opens[0] != first or candles.open[first] != candles.close[first - 1]:
        return {}
    settings = replace(settings, slippage_bps=Decimal(0), from_ms=int(candles.open_time_ms[1]), funding=None)
    fast = run(scene.strategy, candles, settings)
    trades, _ = play(scene.strategy, candles, settings)
    trades.sort(key=lambda trade: (trade["exit_time"], trade["entry_time"], trade["cell"]))
    ends = [t for t in fast.trades if t.exit_reason in ("stop_loss", "end_of_data")]
    if len({trade.direction for trade in ends}) > 1:
        return {}
    must_agree(fast, trades, f"seed {seed}: {scene.text} {settings}")
    return {"grids": 1, "grid trades": len(trades)}


def must_agree(fast: Result, trades: list[dict[str, Any]], about: str) -> None:
    for number, (one, other) in enumerate(zip(fast.trades, trades, strict=False)):
        expected = {
            "side": "long" if one.direction > 0 else "short",
            "qty": plain(one.quantity),
            "entry_time": one.entry_time_ms,
            "entry_reason": one.entry_reason,
            "exit_time": one.exit_time_ms,
            "exit_reason": one.exit_reason,
            "bars": one.bars,
            "cell": one.cell,
        }
        assert {key: other[key] for key in expected} == expected, f"trade {number} of {about}"
        for key, value in (
            ("entry_price", one.entry_price),
            ("exit_price", one.exit_price),
            ("fees", one.fees),
            ("funding", one.funding),
            ("pnl", one.pnl),
        ):
            assert abs(Decimal(other[key]) - value) < _NEAR, f"{key} of trade {number} of {about}"
    assert len(fast.trades) == len(trades), about
