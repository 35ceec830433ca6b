"""Sweeps and walking forward: the same whatever the number of processes, ranked, stitched; and their commands."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tradewright.backtest.engine import run
from tradewright.backtest.result import Cancelled
from tradewright.backtest.search.sharing import Job
from tradewright.backtest.search.space import BadSearch, whole_grid
from tradewright.backtest.search.sweep import searching
from tradewright.backtest.search.walk_forward import pairs, walk
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.cli import backtest as cli_backtest
from tradewright.cli import search as cli_search
from tradewright.strategy.candles import Candles
from tradewright.strategy.check import check_text
from tradewright.strategy.timeframe import DAY_MS

HOUR_MS = 3_600_000
MONDAY_MS = 1_704_067_200_000
SPEC = """
version: 1
name: Above what it was
market: { category: linear, symbol: BTCUSDT, timeframe: 1h }
params:
  ago: { default: 3, min: 1, max: 6, step: 1 }
  lot: { default: 1, min: 1, max: 2, step: 1 }
  idle: 7
rules: { enter_long: "close > close[ago]", exit_long: "close < close[ago]" }
size: { base: lot }
"""
JOB = Job(text=SPEC.encode(), params={}, settings=Settings())


def _candles(days: int = 12, seed: int = 5) -> Candles:
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 24 * days))), 2)
    opened = np.concatenate(([100.0], close[:-1]))
    return Candles(
        timeframe="1h",
        open_time_ms=MONDAY_MS + np.arange(24 * days) * HOUR_MS,
        open=opened,
        high=np.maximum(opened, close) + 0.5,
        low=np.minimum(opened, close) - 0.5,
        close=close,
        volume=np.full(24 * days, 1_000.0),
        turnover=np.full(24 * days, np.nan),
    )


def _space() -> Any:
    from tradewright.strategy.check.binding import Bindings

    return whole_grid(Bindings(SPEC, {}).ranges)


def test_the_outcome_of_a_sweep_is_the_same_however_many_processes_share_it() -> None:
    candles, space = _candles(), _space()
    with searching(JOB, candles, 1) as searcher:
        alone = searcher.sweep(space, "net_profit", Window())
    with searching(JOB, candles, 2) as searcher:
        shared = searcher.sweep(space, "net_profit", Window())
    assert alone == shared
    assert alone.tries == 12


def test_each_outcome_is_that_of_a_backtest_with_these_values_and_the_best_comes_first() -> None:
    candles, space = _candles(), _space()
    with searching(JOB, candles, 1) as searcher:
        found = searcher.sweep(space, "net_profit", Window())
    net = []
    for number in range(len(space)):
        settings = {name: str(value) for name, value in space.values(number).items()}
        strategy = check_text(SPEC, settings=settings).strategy
        assert strategy is not None
        result = run(strategy, candles, Settings())
        net.append(float(result.final_equity) - 10_000)
        assert found.figures(number).net_profit == pytest.approx(net[-1], rel=1e-9)
    assert list(found.ranking) == sorted(range(len(net)), key=lambda number: -net[number])
    worth = found.worth()
    assert worth is not None
    assert worth.tries == 12


def test_the_least_drawdown_is_the_best_one_and_a_set_that_never_traded_the_worst() -> None:
    text = SPEC.replace("max: 6", "max: 400").replace("step: 1 }\n  lot", "step: 399 }\n  lot")
    text = text.replace("default: 3, min: 1, max: 400", "default: 1, min: 1, max: 400")
    job = Job(text=text.encode(), params={"lot": "1"}, settings=Settings())
    from tradewright.strategy.check.binding import Bindings

    with searching(job, _candles(), 1) as searcher:
        found = searcher.sweep(whole_grid(Bindings(text, {"lot": "1"}).ranges), "max_drawdown_pct", Window())
    assert list(found.ranking) == [0, 1]  # 400 bars ago there was nothing: no trade and no drawdown, and no merit
    assert found.figures(1).trades == 0


def test_a_sweep_that_is_cancelled_ends_with_its_processes() -> None:
    told: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> bool:
        told.append((done, total))
        return False

    with pytest.raises(Cancelled), searching(JOB, _candles(), 1) as searcher:
        searcher.sweep(_space(), "sharpe", Window(), watch)
    assert told == [(1, 12)]


def test_windows_follow_each_other_and_none_is_tried_on_what_it_was_found_in() -> None:
    end = MONDAY_MS + 10 * DAY_MS
    rolling = pairs(MONDAY_MS, end, 4, 3, "rolling")
    days = [
        tuple(
            (each - MONDAY_MS) // DAY_MS
            for each in (p.inside.from_ms, p.inside.to_ms, p.outside.from_ms, p.outside.to_ms)
        )  # type: ignore[operator]
        for p in rolling
    ]
    assert days == [(0, 4, 4, 7), (3, 7, 7, 10)]
    anchored = pairs(MONDAY_MS, end + DAY_MS, 4, 3, "anchored")
    assert [p.inside.from_ms for p in anchored] == [MONDAY_MS] * 3
    assert anchored[-1].outside == Window(end, end + DAY_MS)  # what is left over, a day at least


@pytest.mark.parametrize(
    ("train", "test", "words"), [(0, 1, "--train-days is 0"), (1, 0, "--test-days is 0"), (12, 1, "leaves no day")]
)
def test_windows_that_cannot_be_say_why(train: int, test: int, words: str) -> None:
    with pytest.raises(BadSearch, match=words):
        pairs(MONDAY_MS, MONDAY_MS + 12 * DAY_MS, train, test, "rolling")


def test_the_stitched_equity_is_each_stretch_run_with_what_the_one_before_left() -> None:
    candles, space = _candles(), _space()
    windows = pairs(MONDAY_MS, MONDAY_MS + 12 * DAY_MS, 4, 4, "rolling")
    with searching(JOB, candles, 1) as searcher:
        walked = walk(searcher, space, "net_profit", windows, Decimal(10_000))
    equity = Decimal(10_000)
    points: list[float] = []
    for step, pair in zip(walked.steps, windows, strict=True):
        assert step.number is not None
        values = {name: str(value) for name, value in space.values(step.number).items()}
        strategy = check_text(SPEC, settings=values).strategy
        assert strategy is not None
        best = max(range(len(space)), key=lambda number: (step.sweep.figures(number).net_profit, -number))
        assert step.number == best
        result = run(strategy, candles, Settings(equity=equity, from_ms=pair.outside.from_ms, to_ms=pair.outside.to_ms))
        equity = result.final_equity
        points += result.equity.tolist()
    assert walked.final_equity == equity
    assert walked.equity.tolist() == points
    assert len(points) == 8 * 24
    assert walked.tries == 24
    spread = {one.name: one.spread_ratio for one in walked.steadiness}
    chosen = [space.values(step.number)["ago"] for step in walked.steps]  # type: ignore[arg-type]
    assert spread["ago"] == pytest.approx(float(max(chosen) - min(chosen)) / 5)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.spec, self.candles, self.out = folder / "spec.yaml", folder / "candles.csv", folder / "out.json"
        self.spec.write_text(SPEC)
        c = _candles()
        rows = zip(c.open_time_ms, c.open, c.high, c.low, c.close, c.volume, strict=True)
        lines = [",".join(str(value) for value in row) for row in rows]
        self.candles.write_text("\n".join(["open_time_ms,open,high,low,close,volume", *lines]) + "\n")
        self._application = typer.Typer()
        cli_search.register(self._application)
        cli_backtest.register(self._application)

    def run(self, command: str, *options: str) -> Any:
        where = [command, str(self.spec), "--candles", str(self.candles), *options]
        return CliRunner().invoke(self._application, where)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_sweep_tells_the_tries_the_best_and_that_it_may_be_luck(desk: Desk) -> None:
    told = desk.run("sweep", "--jobs", "1")
    assert told.exit_code == 0, told.output
    assert "12 tries, best by net_profit" in told.output
    assert "After 12 tries the probability" in told.output
    assert "luckiest of them until shown otherwise" in told.output
    assert "ago=" in told.output


def test_the_report_of_a_sweep_has_every_set_in_its_order_and_what_it_was_made_of(desk: Desk) -> None:
    assert (
        desk.run("sweep", "--jobs", "1", "--set", "lot=2", "--metric", "sharpe", "--json", str(desk.out)).exit_code == 0
    )
    report = json.loads(desk.out.read_text())
    assert [one["params"] for one in report["results"]] == [{"ago": str(ago)} for ago in range(1, 7)]
    assert report["tries"] == report["deflated_sharpe"]["tries"] == 6
    assert report["settings"]["params"]["lot"] == "2"
    assert report["best"][0]["metrics"]["sharpe"] == max(one["metrics"]["sharpe"] for one in report["results"])
    assert [one["code"] for one in report["warnings"]] == ["unused_param", "best_of_many"]
    assert report["engine"]["name"] == "fast"


def test_walking_forward_tells_each_window_and_the_result_out_of_sample(desk: Desk) -> None:
    told = desk.run("walk-forward", "--train-days", "4", "--test-days", "4", "--jobs", "1")
    assert told.exit_code == 0, told.output
    assert "walked forward over 2 windows (rolling), best by net_profit, 24 tries" in told.output
    assert "of its range" in told.output
    found = desk.run(
        "walk-forward", "--train-days", "4", "--test-days", "4", "--anchored", "--jobs", "1", "--json", "-"
    )
    assert found.exit_code == 0, (found.output, found.exception)
    report = json.loads(found.stdout_bytes)
    assert report["mode"] == "anchored"
    assert [window["train_from"] for window in report["windows"]] == [MONDAY_MS] * 2
    assert report["equity"][0] == [MONDAY_MS + 4 * DAY_MS, 10_000.0]
    assert len(report["equity"]) == 1 + 8 * 24


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--metric", "luck"], 64, "--metric is 'luck'"),
        (["--jobs", "-1"], 64, "--jobs is -1"),
        (["--random", "0"], 64, "--random is 0"),
        (["--set", "ago=1", "--set", "lot=1"], 64, "no param of the strategy has a range"),
        (["--set", "ago=9"], 2, "out_of_range"),
        (["--from", "2031-01-01"], 3, "no_candles"),
    ],
)
def test_what_is_wrong_is_told_with_the_codes_of_a_backtest(
    desk: Desk, options: list[str], code: int, words: str
) -> None:
    told = desk.run("sweep", "--jobs", "1", *options)
    assert told.exit_code == code, told.output
    assert words in told.output


def test_walking_without_room_for_a_window_is_wrong_usage(desk: Desk) -> None:
    told = desk.run("walk-forward", "--train-days", "30", "--test-days", "4", "--jobs", "1")
    assert told.exit_code == 64
    assert "leaves no day to try on" in told.output
