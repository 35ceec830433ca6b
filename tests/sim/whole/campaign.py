"""Many seeds on all cores, summed up in one line: `python -m sim.whole.campaign SEEDS [FIRST]`.

Lives here: running them, the line, and when it is a failure: anything found, or with a thousand seeds or more a kind of
fault or a crash point that was never met. What was found is told beside it, seed by seed.
`python -m sim.whole.campaign hedged SEEDS [FIRST]` runs the seeds' nights with the contract held in two legs.
`python -m sim.whole.campaign same SEEDS` compares the digests of two processes (`hashes SEEDS` prints those of one).
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

import structlog

from sim.whole.checkers import WORDS
from sim.whole.faults import KINDS
from sim.whole.hedged import HedgedWorld
from sim.whole.nights import PARTS
from sim.whole.run import RunReport, run_seed
from sim.whole.setting import KILL_POINTS, LEDGER_POINTS, POINTS
from sim.whole.world import World

CHUNK = 10
ALL_KINDS = (*KINDS, *PARTS)
ALL_POINTS = (*POINTS, *KILL_POINTS, *LEDGER_POINTS)
ALL_ARE_MET_FROM = 1_000  # seeds
_SHOWN_MAX = 50


class Sum:
    """Of the reports of a campaign."""

    def __init__(self) -> None:
        self.seeds = 0
        self.cpu_ms = 0.0
        self.found: Counter[str] = Counter()
        self.bad: dict[int, Sequence[str]] = {}
        self.counts: Counter[str] = Counter()
        self.crashes: Counter[str] = Counter()
        self.strikes: Counter[str] = Counter()

    def add(self, report: RunReport) -> None:
        self.seeds += 1
        self.cpu_ms += report.cpu_ms
        self.crashes += report.crashes
        self.strikes += report.strikes
        for name in ("truth_orders", "unknown_seen", "limits_touched"):
            self.counts[name] += getattr(report, name)
        for word, texts in report.found.items():
            self.found[word] += len(texts)
        if report.problems:
            self.bad[report.seed] = report.problems

    @property
    def missed(self) -> list[str]:
        """What no seed has met, of what all of them together must."""
        never = [name for name in ALL_KINDS if not self.strikes[name]]
        never += [f"crash at {point}" for point in ALL_POINTS if not self.crashes[point]]
        return [*never, *(name for name in ("truth_orders", "unknown_seen", "limits_touched") if not self.counts[name])]

    @property
    def is_good(self) -> bool:
        return not self.bad and not (self.seeds >= ALL_ARE_MET_FROM and self.missed)

    def line(self) -> str:
        found = " ".join(f"{word}={self.found[word]}" for word in WORDS)
        counts = " ".join(f"{name}={self.counts[name]}" for name in ("truth_orders", "unknown_seen", "limits_touched"))
        kinds = ", ".join(f"{name}: {self.strikes[name]}" for name in ALL_KINDS)
        points = ", ".join(f"crash at {name}: {self.crashes[name]}" for name in ALL_POINTS)
        return (
            f"seeds={self.seeds} {found} {counts} crashes={self.crashes.total()} "
            f"faults={{{kinds}, {points}}} ms_per_seed={self.cpu_ms / max(self.seeds, 1):.0f}"
        )


def quiet() -> None:
    """No log lines of ten thousand sessions."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in ("asyncio", "picows.client", "aiohttp.server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def run_chunk(seeds: Sequence[int], make_world: type[World]) -> list[RunReport]:
    """Memory is given back between chunks only: looking for cycles all the time costs a tenth."""
    quiet()
    gc.collect()
    gc.disable()
    return [run_seed(seed, make_world) for seed in seeds]


def run_all(seeds: range, make_world: type[World] = World) -> Iterator[RunReport]:
    chunks = [seeds[first : first + CHUNK] for first in range(0, len(seeds), CHUNK)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), maxtasksperchild=20) as pool:
        for reports in pool.imap_unordered(partial(run_chunk, make_world=make_world), chunks):
            yield from reports


def main(arguments: Sequence[str]) -> int:
    quiet()
    if arguments[0] == "hashes":
        for seed in range(int(arguments[1])):
            print(run_seed(seed).digest, flush=True)
        return 0
    if arguments[0] == "same":
        return _compare(int(arguments[1]))
    make_world: type[World] = World
    if arguments[0] == "hedged":
        make_world, arguments = HedgedWorld, arguments[1:]
    first = int(arguments[1]) if len(arguments) > 1 else 0
    began = time.monotonic()
    summed = Sum()
    for report in run_all(range(first, first + int(arguments[0])), make_world):
        summed.add(report)
        if report.problems and len(summed.bad) <= _SHOWN_MAX:
            print(f"seed {report.seed}:", *report.problems, sep="\n  ", file=sys.stderr, flush=True)
    if summed.missed and summed.seeds >= ALL_ARE_MET_FROM:
        print(f"never met: {', '.join(summed.missed)}", file=sys.stderr)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    print(summed.line())
    return 0 if summed.is_good else 1


def _compare(count: int) -> int:
    """Two processes side by side whose strings hash differently."""
    command = [sys.executable, "-m", "sim.whole.campaign", "hashes", str(count)]
    running = [
        subprocess.Popen(command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, stdout=subprocess.PIPE, text=True)
        for hash_seed in ("1", "2024")
    ]
    told = [process.communicate()[0].split() for process in running]
    same = sum(one == other for one, other in zip(*told, strict=False))
    print(f"seeds={count} same={same}")
    return 0 if same == count == len(told[0]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
