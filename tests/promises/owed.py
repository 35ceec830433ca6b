"""What the list of promises asks for by now and no test holds, with the reason."""

from __future__ import annotations

from typing import Final

from promises.model import Owed

ROWS: Final = (
    Owed(
        id="D5",
        what="A full disk of PostgreSQL that is tried wherever the tests run",
        why="a disk that may be filled needs root: elsewhere that test is skipped, and what a full disk says is played",
    ),
    Owed(
        id="F2",
        what="A step of the wall clock fires no bot twice",
        why="each bar is decided once, by the time at which it opened, and a run's end is by its market's clock or the"
        " database's; no test steps a clock under a run yet",
    ),
    Owed(
        id="H5",
        what="No order made by the rules is refused for a filter by Bybit itself",
        why="all listings of the simulated exchange are walked through; nothing is asked of Bybit by these tests",
    ),
    Owed(
        id="O2",
        what="Twenty backtests at once leave the way of an order at most twice as long as on an idle machine",
        why="one at a time, as is usual, keeps it on two cores (p99 80 ms beside 63 ms alone); twenty at once took"
        " 259 ms beside 87 ms, before they were last in line for the processor; `make backtests-beside` shows what that"
        " brings, and has no run on record",
    ),
)
