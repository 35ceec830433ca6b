"""Running one process's part: its settings, its log, its loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from tradewright import logs
from tradewright.settings import Settings, load


def run_process(name: str, serve: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Runs one process's part until SIGTERM or SIGINT."""
    settings = load()
    logs.configure(process=name, level=settings.log_level, form=settings.log_format)
    with contextlib.suppress(asyncio.CancelledError):
        run_with_best_loop(_until_signal(serve(settings)))


def run_with_best_loop(work: Coroutine[Any, Any, None]) -> None:
    """uvloop where it is to be had, else asyncio's own loop."""
    factory = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
