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

from support.backtests.drawn import draw
from support.bots.toy_filler import play
from support.strategy_series import series
from tradewright.backtest.engine import run
from tradewright.backtest.result import Result
from tradewright.backtest.settings import Settings
from tradewright.bots.machines import RUNNABLE_KINDS
from tradewright.bots.machines.making import kind_of
from tradewright.core.money import plain
from tradewright.strategy.check import check_text
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
        if kind_of(scene.strategy) not in RUNNABLE_KINDS:
            continue
        settings = replace(scene.settings, fine=None, from_ms=None, to_ms=None)
        fast = run(scene.strategy, scene.candles, settings)
        trades, notes = play(scene.strategy, scene.candles, settings)
        must_agree(fast, trades, f"seed {seed}: {scene.text} {settings}")
        warned = {one.code: one.count for one in fast.warnings if one.code in _RUN_CODES}
        assert {code: notes[code] for code in _RUN_CODES if code in notes} == warned, f"seed {seed}"
        told.update({"seeds": 1, "trades": len(trades)})
        told.update(trade["exit_reason"] for trade in trades)
    assert told["trades"] > 5 * told["seeds"] > 0, "scenes without trades compare nothing"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_machine_trades_as_the_backtest_on_every_template(name: str) -> None:
    strategy = check_text(template_text(name)).strategy
    assert strategy is not None
    if kind_of(strategy) not in RUNNABLE_KINDS:
        pytest.skip(f"no machine runs {kind_of(strategy)} yet")
    candles = series("ethusdt-linear-15m-sample.csv.gz", _BARS)
    settings = Settings(filters=Filters(tick_size=Decimal("0.01"), quantity_step=Decimal("0.01")))
    fast = run(strategy, candles, settings)
    trades, _ = play(strategy, candles, settings, forgets_every=50)
    must_agree(fast, trades, name)


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
