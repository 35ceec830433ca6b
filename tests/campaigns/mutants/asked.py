"""A plugin of pytest, `-p campaigns.mutants.asked`: all is collected once, and then each mutant is asked in a fork.

A fork puts the mutated function in place of the one that was imported and runs the tests that are wanted of it, cheap
ones first, each limited, until one fails. Without jobs (the JSON file `MUTANTS_JOBS`) all tests run, and nothing is
forked. Each ending is one JSON line in `MUTANTS_TOLD`. The limits are CPU seconds and not those of the wall: a busy
machine must not look like a mutant that never ends.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

_AT_ONCE = 2
_LIMIT_TIMES = 10.0
_LIMIT_S = 10.0
_JOBS = os.environ.get("MUTANTS_JOBS")
_now: dict[str, Any] = {}  # the job that this process is about, in a fork


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    if _JOBS is None:
        return None
    items = {item.nodeid: item for item in session.items}
    running: set[int] = set()
    for job in json.loads(Path(_JOBS).read_text()):
        if len(running) == _AT_ONCE:
            running.discard(os.wait()[0])
        pid = os.fork()
        if not pid:
            os._exit(_ask(session, items, job))
        running.add(pid)
    while running:
        running.discard(os.wait()[0])
    return True


def _ask(session: pytest.Session, items: dict[str, pytest.Item], job: dict[str, Any]) -> int:
    """In the fork: whatever happens, it ends here."""
    _now.update(job)
    try:
        if job["code"] is not None:
            put_in(job["file"], job["line"], job["code"])
        wanted = sorted(job["wanted"], key=job["wanted"].__getitem__)
        asked = [items[name] for name in wanted if name in items]
        for at, item in enumerate(asked):
            following = asked[at + 1] if at + 1 < len(asked) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                break
        _tell({"asked": len(asked)})
    except BaseException as error:  # the verdict is what was told: nothing must be left to the parent's loop
        _tell({"failed": f"{os.environ.get('PYTEST_CURRENT_TEST', '?')}: {error!r}"})
    finally:
        session._setupstate.teardown_exact(None)
    return 0


def put_in(file: str, line: int, code: str) -> None:
    """The outermost function around the line is, wherever it is held, from now on what it is in the mutated code."""
    path = str(Path(file).resolve())
    found = [
        function
        for function in gc.get_objects()
        if isinstance(function, FunctionType) and function.__code__.co_filename == path
    ]
    for new in _outermost(compile(code, path, "exec", dont_inherit=True)):
        if new.co_firstlineno <= line <= _last_line(new):
            same = [each for each in found if each.__code__.co_qualname == new.co_qualname]
            for function in same:
                function.__code__ = new
            if same:
                return
    raise LookupError(f"{file}:{line} is in no function that was imported")


def _outermost(code: CodeType) -> Iterator[CodeType]:
    """Functions of the module and of its classes, not those within functions."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            if part.co_flags & 0x2:  # CO_NEWLOCALS: a function; a class has none
                yield part
            else:
                yield from _outermost(part)


def _last_line(code: CodeType) -> int:
    own = [line for _, _, line in code.co_lines() if line is not None]
    return max(own + [_last_line(part) for part in code.co_consts if isinstance(part, CodeType)])


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("took far longer than it may")


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
    if _now:
        signal.setitimer(signal.ITIMER_PROF, _LIMIT_S + _LIMIT_TIMES * _now["wanted"][item.nodeid])
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


def _tell(line: dict[str, object]) -> None:
    with Path(os.environ["MUTANTS_TOLD"]).open("a") as told:
        told.write(json.dumps({"job": _now.get("id", "")} | line) + "\n")
