"""A month of 1-minute candles, backtested by us and by others: warm, swept over a grid of sets, as a whole process, and
the memory of a million.

All run the same strategy (`backtest_peers.py`), and before anything is measured their trades must be the same to the
cent. Each is a process of its own; they take turns. Those that are slow have few.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.bench.backtest_ours import CENT, SPEC, Trades, closed_before, month, same_trades
from tests.bench.harness import Absolute, Figure, Result

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from support.peers import NO_NEWER_PYTHON, ROOT, newer_python, peers_python
from tradewright.market.history.files import read_candles

FOLDER = Path(__file__).parent
SWEPT_ROUNDS = {"ours": 15, "vectorbt": 5}
ROUNDS = {"ours": 9, "backtesting": 9, "vectorbt": 9, "backtrader": 2, "freqtrade": 3, "nautilus_trader": 3}
GOALS = {
    "backtesting": (2.0, 4.0),
    "backtrader": (20.0, 20.0),
    "freqtrade": (20.0, 20.0),
    "nautilus_trader": (20.0, 20.0),
}
PROCESSES = 5
MILLION = 1_000_000
MEMORY_MUST_MB, MEMORY_GOAL_MB = 500.0, 350.0


def measured(
    peers: Sequence[str] = ("backtesting", "backtrader", "vectorbt", "freqtrade", "nautilus_trader"),
) -> tuple[list[Result], list[Absolute], list[Figure]]:
    path = month()
    bars = len(read_candles(path, "1m"))
    with contextlib.ExitStack() as stack:
        asked = {"ours": stack.enter_context(_asked(sys.executable, "-m", "tests.bench.backtest_ours", str(path)))}
        for peer in peers:
            command = _command(peer, path)
            if command is not None:
                asked[peer] = stack.enter_context(_asked(*command))
        first = {name: _ask(process)["trades"] for name, process in asked.items()}
        _agree(first, read_candles(path, "1m").close.tolist())
        taken = _taken(asked, ROUNDS)
    us = {name: statistics.median(times) * 1e6 / bars for name, times in taken.items()}
    rows = [
        _row("backtest of a month of 1m, bar by bar, warm; a bar", us["ours"], us[peer], peer, *goals)
        for peer, goals in GOALS.items()
        if peer in us
    ]
    rows += [_sweep(path), _whole_process(path)]
    figures = [Figure("backtest of a month of 1m, bars a second", 1e6 / us["ours"], "bars/s")]
    figures += [Figure(f"the same by {peer}", 1e6 / us[peer], "bars/s") for peer in us if peer != "ours"]
    return rows, [_memory()], figures


def _sweep(path: Path) -> Result:
    """One process of each, warm: what was compiled is there, averages are worked out anew. Of each set vectorbt says
    what it made and how many trades; we say all that a sweep reports."""
    with contextlib.ExitStack() as stack:
        ours = (sys.executable, "-m", "tests.bench.backtest_ours", str(path), "sweep")
        theirs = (str(peers_python("backtests")), str(FOLDER / "backtest_peers.py"), "vectorbt-sweep", str(path))
        asked = {"ours": stack.enter_context(_asked(*ours)), "vectorbt": stack.enter_context(_asked(*theirs))}
        first = {name: _ask(process)["trades"] for name, process in asked.items()}
        different = [
            f"set {number}: {one} and {other}"
            for number, (one, other) in enumerate(zip(first["ours"], first["vectorbt"], strict=True))
            if one[1] != other[1] or abs(one[0] - other[0]) >= CENT
        ]
        assert not different, f"vectorbt and we do not agree: {different[:5]}"
        taken = _taken(asked, SWEPT_ROUNDS)
    us = {name: statistics.median(times) * 1e6 / len(first["ours"]) for name, times in taken.items()}
    return _row("sweep over a month of 1m, warm; a set of values", us["ours"], us["vectorbt"], "vectorbt", 2.0, 5.0)


def _command(peer: str, path: Path) -> list[str] | None:
    """None: it cannot run here, which is said."""
    if peer == "nautilus_trader":
        newer = newer_python()
        if newer is None:
            print(NO_NEWER_PYTHON)
            return None
        return [str(peers_python("nautilus", newer)), str(FOLDER / "backtest_nautilus.py"), str(path)]
    if peer == "freqtrade":
        return [str(peers_python("freqtrade")), str(FOLDER / "backtest_freqtrade.py"), str(path)]
    return [str(peers_python("backtests")), str(FOLDER / "backtest_peers.py"), peer, str(path)]


def _agree(trades: Mapping[str, Trades], closes: Sequence[float]) -> None:
    """Raises `AssertionError` where somebody's trades are not ours."""
    ours = trades["ours"]
    for name, theirs in trades.items():
        expected = ours
        if name == "nautilus_trader":  # fills at the closes before
            expected = [closed_before(one, closes) for one in ours]
        different = same_trades(expected, theirs[: len(ours)])
        assert not different, f"{name} and we do not agree: {different[:5]}"


def _taken(asked: Mapping[str, subprocess.Popen[str]], rounds: Mapping[str, int]) -> dict[str, list[float]]:
    """Seconds of each run, in turns; those with fewer rounds have theirs spread among the others'."""
    taken: dict[str, list[float]] = {name: [] for name in asked}
    most = max(rounds.values())
    for number in range(most):
        for name, process in asked.items():
            if number % (most // rounds[name]) == 0 and len(taken[name]) < rounds[name]:
                taken[name].append(_ask(process)["seconds"])
    return taken


@contextlib.contextmanager
def _asked(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first == "ready\n", f"{command} did not start: {first!r}"
            yield process
        finally:
            process.kill()


def _ask(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("once more\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def _whole_process(path: Path) -> Result:
    """From the command line to a report on the disk, beside backtesting.py's imports, reading and run."""
    with tempfile.TemporaryDirectory() as folder:
        spec, report = Path(folder) / "spec.yaml", Path(folder) / "report.json"
        spec.write_text(SPEC)
        ours = [str(Path(sys.executable).with_name("tradewright")), "backtest", str(spec), "--candles", str(path)]
        ours += ["--json", str(report)]
        theirs = [str(peers_python("backtests")), str(FOLDER / "backtest_peers.py"), "backtesting", str(path), "once"]
        taken = [(_wall(ours)[0], _wall(theirs)[0]) for _ in range(PROCESSES + 1)][1:]
    us = [statistics.median(column) * 1e6 for column in zip(*taken, strict=True)]
    return _row("backtest of a month of 1m as a whole process", us[0], us[1], "backtesting", 1 / 0.8, 1 / 0.4)


def _memory() -> Absolute:
    with tempfile.TemporaryDirectory() as folder:
        spec, candles = Path(folder) / "spec.yaml", Path(folder) / "candles.csv.gz"
        spec.write_text(SPEC)
        write_million(candles)
        program = str(Path(sys.executable).with_name("tradewright"))
        _, most_mb = _wall(
            [program, "backtest", str(spec), "--candles", str(candles), "--json", str(Path(folder) / "report.json")]
        )
    row = "memory of a backtest of 1,000,000 bars, at most"
    return Absolute(row=row, ours=most_mb, unit="MB", must=MEMORY_MUST_MB, goal=MEMORY_GOAL_MB)


def write_million(path: Path) -> None:
    """The month over and over, each time beginning where the one before ended."""
    candles = read_candles(month(), "1m")
    count = len(candles)
    columns = np.stack([candles.open, candles.high, candles.low, candles.close])
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write("open_time_ms,open,high,low,close,volume\n")
        first = int(candles.open_time_ms[0])
        for begin in range(0, MILLION, count):
            end = min(count, MILLION - begin)
            for number, (opened, high, low, close) in enumerate(columns[:, :end].T.tolist()):
                file.write(f"{first + (begin + number) * 60_000},{opened},{high},{low},{close},1\n")


def _wall(command: Sequence[str]) -> tuple[float, float]:
    """Seconds, and the most memory that the process had, in MB."""
    started = time.perf_counter()
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def _row(name: str, ours: float, peer: float, peer_name: str, must: float, goal: float) -> Result:
    return Result(
        row=name,
        ours=round(ours, 3),
        peer=round(peer, 3),
        peer_name=peer_name,
        ratio=round(peer / ours, 2),
        floor=None,
        must=must,
        goal=goal,
        met=peer / ours >= goal,
    )
