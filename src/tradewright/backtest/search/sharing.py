"""Trials in processes of their own: the same candles for all of them, in memory once.

Candles are written to a folder that is gone afterwards, and mapped into each process. Processes are started anew
(`spawn`), so nothing of the one that asks is copied into them. They answer in any order; what is asked has a number.
Not here: what a trial is (`trial`), in which order it is told (`sweep`).
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewright.backtest.result import NoBars
from tradewright.backtest.search.trial import Outcome, Trials
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.timeframe import Timeframe

_JOIN_S = 5.0
_PRICES = ("open", "high", "low", "close", "volume", "turnover")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all trials of a search share, but for the candles. `is_compiled`: compiling is worth its seconds."""

    text: bytes
    params: dict[str, str]
    settings: Settings
    is_compiled: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """`sets`: values to try; `number` is that of the first of them."""

    number: int
    sets: tuple[dict[str, Decimal], ...]
    window: Window


@dataclass(frozen=True, slots=True)
class Done:
    number: int
    outcomes: tuple[Outcome, ...]


class WorkerDied(RuntimeError):
    """A process ended before it answered, most often because there was no memory left for it."""


class Workers:
    """Made by `workers`."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections

    def run(self, tasks: Iterator[Task]) -> Iterator[Done]:
        """Answers as they come; no more is asked than each process has to do and one task behind it."""
        asked: dict[Connection, int] = {}
        for connection in self._connections:
            for task in _next(tasks, 2):
                connection.send(task)
                asked[connection] = asked.get(connection, 0) + 1
        while asked:
            for ready in wait(list(asked)):
                assert isinstance(ready, Connection)
                try:
                    answer = ready.recv()
                except EOFError:
                    raise WorkerDied(
                        "a process of the search ended by itself; try --jobs 1, or fewer candles"
                    ) from None
                if isinstance(answer, NoBars):
                    raise answer
                asked[ready] -= 1
                for task in _next(tasks, 1):
                    ready.send(task)
                    asked[ready] += 1
                if not asked[ready]:
                    del asked[ready]
                yield answer


def _next(tasks: Iterator[Task], count: int) -> Iterator[Task]:
    for _ in range(count):
        task = next(tasks, None)
        if task is None:
            return
        yield task


@contextmanager
def workers(job: Job, candles: Candles, count: int) -> Iterator[Workers]:
    """`count` processes, gone when the context is left, however it is left."""
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="tradewright-search-") as folder:
        write_shared(candles, Path(folder))
        processes, connections = [], []
        try:
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs, job, folder, candles.timeframe), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
                connections.append(ours)
            yield Workers(connections)
        finally:
            for connection in connections:
                connection.close()
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(_JOIN_S)
                if process.is_alive():
                    process.kill()


def serve(connection: Connection, job: Job, folder: str, timeframe: Timeframe) -> None:
    """A process's whole life: trials as they are asked for, until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that asks: it ends its processes
    trials = trials_of(job, read_shared(Path(folder), timeframe), is_compiled=job.is_compiled)
    while True:
        try:
            task = connection.recv()
        except (EOFError, ConnectionError):
            return
        answer: Done | NoBars
        try:
            answer = Done(task.number, tuple(trials.outcome(values, task.window) for values in task.sets))
        except NoBars as error:
            answer = error
        connection.send(answer)


def trials_of(job: Job, candles: Candles, *, is_compiled: bool) -> Trials:
    loop = None
    if is_compiled:
        from tradewright.backtest.search.compiled.machine import compiled_loop

        loop = compiled_loop()
    return Trials(job.text, job.params, candles, job.settings, loop)


def write_shared(candles: Candles, folder: Path) -> None:
    import numpy as np

    np.save(folder / "times.npy", candles.open_time_ms)
    np.save(folder / "prices.npy", np.stack([getattr(candles, name) for name in _PRICES]))


def read_shared(folder: Path, timeframe: Timeframe) -> Candles:
    """Mapped, not read: all processes see the same pages (nobody writes to them)."""
    import numpy as np

    # "c" and not "r": what is compiled for arrays that may be written to would be compiled again for others.
    times = np.asarray(np.load(folder / "times.npy", mmap_mode="c"))
    prices = np.asarray(np.load(folder / "prices.npy", mmap_mode="c"))
    columns = dict(zip(_PRICES, prices, strict=True))
    return Candles(timeframe=timeframe, open_time_ms=times, **columns)
