"""Running one process's part: its settings, its log, its loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from tradewright import logs
from tradewright.core.errors import StartError
from tradewright.settings import Settings, load


def run_process(name: str, serve: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Runs one process's part until SIGTERM or SIGINT; what it fails with is logged, and its exit code is 1."""
    settings = load()
    logs.configure(process=name, level=settings.log_level, form=settings.log_format)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            run_with_best_loop(_until_signal(serve(settings)))
    except Exception as error:  # noqa: BLE001 - the edge of the process
        start_error = _start_error_in(error)
        if start_error is not None:
            raise start_error from None
        # Not left to the interpreter: its traceback would go past the log's redaction.
        structlog.get_logger().exception("process.failed")
        sys.exit(1)


def _start_error_in(error: BaseException) -> StartError | None:
    """The sentence for a person, also where a group of tasks has wrapped it."""
    if isinstance(error, StartError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_start_error_in, error.exceptions)), None)
    return None


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
