"""One backtest from outside: its process is started, heard and, when asked, killed.

Lives here: `play_in_process` and what can come of it. Not here: what the process does (`play`), who asks (`keeper`).
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from tradewright.backtests.child import Child, plain_environment
from tradewright.backtests.play import Failed, Message, Order, Progress, Reported
from tradewright.core.clock import Clock
from tradewright.core.fault import Fault

LINE_BYTES_MAX = 16 * 1024 * 1024  # a bounded report has about one megabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    bars: int
    metrics: str
    report: str
    cpu_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """There is no result, and the same again would have none."""

    fault: Fault
    cpu_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """It ended without a word, or was killed: another try may do better. `code` is negative for a signal."""

    code: int
    cpu_ms: int


Outcome = Finished | Refused | Died


def start(order: Order, *, environment: Mapping[str, str], clock: Clock, is_last: bool) -> Child:
    """`is_last` as `Child` has it. Raises `OSError` where the system has no place for another process."""
    return Child(
        [sys.executable, "-m", "tradewright.backtests.play"],
        env=plain_environment(environment),
        given=msgspec.json.encode(order),
        clock=clock,
        line_bytes_max=LINE_BYTES_MAX,
        is_last=is_last,
    )


async def hear(child: Child, order: Order, tell: Callable[[Progress], None]) -> Outcome:
    """Until it has ended. `tell` hears how far it is."""
    said: Failed | Reported | None = None
    async for line in child.lines():
        message: Message | None = None
        with contextlib.suppress(msgspec.MsgspecError):  # cut off in the middle
            message = msgspec.json.decode(line, type=Message)
        if isinstance(message, Progress):
            tell(message)
        elif message is not None:
            said = message
    gone = await child.gone()
    match said:
        case Reported(bars=bars, metrics=metrics, report=report):
            told, whole = bytes(metrics).decode(), bytes(report).decode()
            return Finished(bars=bars, metrics=told, report=whole, cpu_ms=gone.cpu_ms)
        case Failed(code=code, params=params, detail=detail):
            return Refused(fault=Fault(code, params, detail), cpu_ms=gone.cpu_ms)
    if gone.code == -signal.SIGXCPU:
        return Refused(fault=Fault("backtest.too_long", {"seconds": str(order.cpu_s)}), cpu_ms=gone.cpu_ms)
    return Died(code=gone.code, cpu_ms=gone.cpu_ms)
