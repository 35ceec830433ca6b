"""One backtest from inside its process: `python -m tradewright.backtests.play`.

Standard input brings an `Order` as JSON; standard output gets messages, one JSON object a line: how far it is, and at
last the report or why there is none. It has no database, no network and no secret. It limits itself before it reads
anything of a user's: memory, computing time, and its place behind everything that trades.
Not here: who starts it and what becomes of one that dies (`player`).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tradewright.backtest.settings import Settings
from tradewright.backtests.model import Asked, settings_of
from tradewright.core.fault import Fault
from tradewright.market.history.faults import BadCandles, CandleFault, CannotOpen
from tradewright.process.priority import stand_behind
from tradewright.strategy.model import Strategy
from tradewright.strategy.timeframe import length_ms

NICE = 14  # beside the five of the jobs process: the last place there is, for systems that know no other order
_TELL_EVERY_S = 0.5


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_s` and `memory_bytes` are what the process may take; `data` is the folder of candles."""

    asked: Asked
    data: str
    cpu_s: int
    memory_bytes: int
    version: str


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    done: int
    total: int
    cpu_ms: int


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """For good: the same again would end the same."""

    code: str
    params: dict[str, str] = {}
    detail: str | None = None


class Reported(msgspec.Struct, frozen=True, kw_only=True, tag="reported"):
    bars: int
    metrics: msgspec.Raw
    report: msgspec.Raw


Message = Progress | Failed | Reported


class _Unplayable(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    limit_itself(order)
    try:
        message: Message = play(order, _tell)
    except MemoryError:
        message = _failed(_out_of_memory(order))
    except _Unplayable as unplayable:
        message = _failed(unplayable.fault)
    _tell(message)


def limit_itself(order: Order) -> None:
    stand_behind(NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What it writes to, not the address space: that is mostly libraries and never touched.
    _lower(resource.RLIMIT_DATA, order.memory_bytes)
    _lower(resource.RLIMIT_CPU, order.cpu_s)


def play(order: Order, tell: Callable[[Progress], None]) -> Reported:
    """Raises `_Unplayable`, `MemoryError`."""
    from tradewright.backtest.advice import advice_of, once_per_code
    from tradewright.backtest.engine import run
    from tradewright.backtest.report import report_of
    from tradewright.backtest.result import NoBars, Warned
    from tradewright.backtests.bounding import bounded, report_bytes
    from tradewright.market.history.hashing import data_sha256
    from tradewright.strategy.check import check_text

    asked = order.asked
    checked = check_text(asked.text, settings=asked.params)
    strategy = checked.strategy
    if strategy is None:  # it was right when it was asked for: by another version of this program
        raise _Unplayable(Fault("backtest.spec_refused", detail=checked.errors[0].message))
    try:
        candles, filled_bars = read_candles(order, strategy)
        result = run(strategy, candles, read_settings(order, strategy), watch=_watch(tell))
    except BadCandles as bad:
        raise _Unplayable(candles_refused(bad.faults)) from None
    except CannotOpen as error:
        raise _Unplayable(Fault("backtest.candles_refused", detail=str(error))) from None
    except NoBars as error:
        raise _Unplayable(Fault("backtest.no_bars", detail=str(error))) from None
    told = [Warned(fault.code, fault.message, 1, None) for fault in checked.warnings]
    warnings = once_per_code([*told, *result.warnings, *advice_of(result, candles, filled_bars=filled_bars)])
    report = report_of(
        result,
        warnings=warnings,
        data={"sha256": data_sha256(candles), "timeframe": strategy.market.timeframe, "origin": asked.origin},
        program_version=order.version,
    )
    return Reported(
        bars=result.bars,
        metrics=msgspec.Raw(report_bytes(report["metrics"])),
        report=msgspec.Raw(report_bytes(bounded(report, result))),
    )


def read_settings(order: Order, strategy: Strategy) -> Settings:
    """With the finer candles and the funding that were asked for. Raises `BadCandles`, `CannotOpen`."""
    from tradewright.market.history.fine import FineCandles
    from tradewright.market.history.funding_store import FundingStore
    from tradewright.market.history.judging import faults_of
    from tradewright.market.history.store import DataStore
    from tradewright.system import SystemClock

    asked, settings = order.asked, settings_of(order.asked)
    fine = asked.fine_series(strategy)
    if fine is not None:
        rows = DataStore(Path(order.data), SystemClock()).read(fine)
        if rows is None:
            raise BadCandles([CandleFault(code="no_candles", message=f"there are no candles of {fine}")])
        begin, end = asked.from_ms or 0, asked.to_ms
        inside = rows.open_time_ms >= begin
        if end is not None:
            inside &= rows.open_time_ms < end
        rows = rows.take(inside)
        spacing = length_ms(fine.timeframe)
        faults = faults_of(rows, spacing, with_gaps=False) if len(rows) else []  # a bar without them is walked as one
        if faults:
            raise BadCandles(faults)
        settings = replace(settings, fine=FineCandles(spacing_ms=spacing, rows=rows))
    if asked.funding:
        series = asked.series(strategy)
        funding = FundingStore(Path(order.data)).read(series)
        if funding is None:
            message = f"there are no funding rates of {series.folder}"
            raise BadCandles([CandleFault(code="no_candles", message=message)])
        settings = replace(settings, funding=funding)
    return settings


def read_candles(order: Order, strategy: Strategy) -> tuple[Any, int]:
    """(the candles from the warm-up before the first bar on, how many of them were put into gaps).

    No more history than the strategy says that it needs: so the same request stays the same run when older candles are
    stored one day, and a gap years before is nobody's concern. Raises `BadCandles`, `CannotOpen`.
    """
    from tradewright.market.history.judging import faults_of, filled
    from tradewright.market.history.store import DataStore
    from tradewright.system import SystemClock

    asked, length = order.asked, length_ms(strategy.market.timeframe)
    series = asked.series(strategy)
    rows = DataStore(Path(order.data), SystemClock()).read(series)
    if rows is None:
        raise BadCandles([CandleFault(code="no_candles", message=f"there are no candles of {series}")])
    opens = rows.open_time_ms
    wanted = opens >= 0
    if asked.from_ms is not None:
        wanted &= opens >= asked.from_ms - warm_up_ms(strategy)
    if asked.to_ms is not None:
        wanted &= opens < asked.to_ms
    rows = rows.take(wanted)
    faults = faults_of(rows, length)
    if asked.fill_gaps and faults and all(fault.code == "gap" for fault in faults):
        before = len(rows)
        rows, faults = filled(rows, length), []
        return rows.candles(strategy.market.timeframe), len(rows) - before
    if faults:
        raise BadCandles(faults)
    return rows.candles(strategy.market.timeframe), 0


def warm_up_ms(strategy: Strategy) -> int:
    """So many bars of each timeframe, and one more of the longest, which has to be whole."""
    longest = max(length_ms(timeframe) for timeframe in strategy.timeframes)
    return (strategy.warm_up_bars + 1) * longest


def candles_refused(faults: Sequence[CandleFault]) -> Fault:
    """A gap can be helped by whoever asks, so it has words of its own."""
    first = faults[0]
    if first.code == "gap":
        return Fault("backtest.gaps", {"count": str(first.count)}, first.message.partition(";")[0])
    return Fault("backtest.candles_refused", detail=first.message)


def _watch(tell: Callable[[Progress], None]) -> Callable[[int, int], bool]:
    next_s = time.monotonic()

    def watch(done: int, total: int) -> bool:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + _TELL_EVERY_S
            tell(Progress(done=done, total=total, cpu_ms=round(1_000 * time.process_time())))
        return True

    return watch


def _tell(message: Message) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _failed(fault: Fault) -> Failed:
    return Failed(code=fault.code, params=dict(fault.params), detail=fault.detail)


def _out_of_memory(order: Order) -> Fault:
    return Fault("backtest.out_of_memory", {"megabytes": str(order.memory_bytes >> 20)})


def _lower(what: int, most: int) -> None:
    """Never above what the process was given."""
    hard = resource.getrlimit(what)[1]
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, hard))


if __name__ == "__main__":
    main()
