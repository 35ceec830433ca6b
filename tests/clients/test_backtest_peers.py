"""One strategy on one month gives the same trades, to the cent, as in backtesting.py, backtrader, vectorbt, freqtrade
and nautilus_trader; and each set of a compiled sweep what vectorbt says of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.backtest_ours import CENT, ROOT, Ours, OurSweep, Trades, closed_before, month, same_trades
from support.peers import NO_NEWER_PYTHON, newer_python, peers_python
from tradewright.market.history.files import read_candles

PEER_SECONDS_MAX = 900  # backtrader takes its time, and vectorbt compiles
BENCH = ROOT / "tests" / "bench"


@pytest.fixture(scope="module")
def ours() -> Trades:
    trades: Trades = Ours(str(month())).answer()["trades"]
    assert len(trades) > 500
    return trades


def theirs(python: Path, script: str, *arguments: str) -> Any:
    done = subprocess.run(
        [str(python), str(BENCH / script), *arguments, "once"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PEER_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)["trades"]


def assert_same(expected: Trades, found: Trades) -> None:
    # A position that is open at the end each closes, or leaves open, in a way of its own.
    assert same_trades(expected, found[: len(expected)]) == []
    assert len(found) - len(expected) in (0, 1)


@pytest.mark.parametrize("peer", ["backtesting", "backtrader", "vectorbt"])
def test_others_find_the_same_trades_to_the_cent(peer: str, ours: Trades) -> None:
    assert_same(ours, theirs(peers_python("backtests"), "backtest_peers.py", peer, str(month())))


def test_freqtrade_finds_the_same_trades_to_the_cent(ours: Trades) -> None:
    assert_same(ours, theirs(peers_python("freqtrade"), "backtest_freqtrade.py", str(month())))


def test_nautilus_trader_finds_the_same_trades_at_the_closes_before(ours: Trades) -> None:
    newer = newer_python()
    if newer is None:
        pytest.skip(NO_NEWER_PYTHON)
    closes = read_candles(month(), "1m").close.tolist()
    expected = [closed_before(one, closes) for one in ours]
    assert_same(expected, theirs(peers_python("nautilus", newer), "backtest_nautilus.py", str(month())))


def test_vectorbt_says_of_each_set_of_a_sweep_what_a_compiled_one_does() -> None:
    expected = OurSweep(str(month())).answer()["trades"]
    found = theirs(peers_python("backtests"), "backtest_peers.py", "vectorbt-sweep", str(month()))
    assert len(expected) == len(found) == 480
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        assert one[1] == other[1], f"trades of set {number}"
        assert abs(one[0] - other[0]) < CENT, f"net profit of set {number}"
