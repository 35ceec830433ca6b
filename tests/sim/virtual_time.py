"""Tests in virtual time: `in_virtual_time` runs one on a loop of its own (`tradewright.lab.virtual_loop`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any

from tradewright.lab.virtual_loop import run_virtual


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Makes an ordinary test function of a coroutine that runs in virtual time."""

    @functools.wraps(test)
    def run() -> None:
        run_virtual(test())

    return run
