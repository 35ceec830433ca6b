"""A plugin of pytest, `-p campaigns.mutants.asked`: only the tests that are wanted, cheap ones first, each limited.

What is wanted and how many CPU seconds each took without a mutant is in the JSON file `MUTANTS_WANTED`; without it all
tests run. Each ending is one JSON line in `MUTANTS_TOLD`. CPU seconds and not those of the wall: a busy machine must
not look like a mutant that never ends.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

_LIMIT_TIMES = 10.0
_LIMIT_S = 10.0
_WANTED = os.environ.get("MUTANTS_WANTED")
_COSTS: dict[str, float] | None = json.loads(Path(_WANTED).read_text()) if _WANTED else None


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("took far longer than it may")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _COSTS is None:
        return
    wanted = [item for item in items if item.nodeid in _COSTS]
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in _COSTS])
    items[:] = sorted(wanted, key=lambda item: _COSTS[item.nodeid])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    try:
        from tradewright import reached_probe
    except ImportError:
        pass
    else:
        reached_probe.begin(item.nodeid)
    began = time.process_time()
    signal.signal(signal.SIGPROF, _end)
    if _COSTS is not None:
        signal.setitimer(signal.ITIMER_PROF, _LIMIT_S + _LIMIT_TIMES * _COSTS[item.nodeid])
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _tell({"test": item.nodeid, "cpu_s": round(time.process_time() - began, 3)})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _tell({"failed": report.nodeid})


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _tell({"failed": report.nodeid or "collecting"})


def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    _tell({"failed": f"{os.environ.get('PYTEST_CURRENT_TEST', '?')}: {excinfo.value}"})


def _tell(line: dict[str, object]) -> None:
    with Path(os.environ["MUTANTS_TOLD"]).open("a") as told:
        told.write(json.dumps(line) + "\n")
