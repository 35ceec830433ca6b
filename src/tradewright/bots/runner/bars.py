"""The bars of a run as they close: which is decided on, which came too late, which is missing or was told anew.

Lives here: `Bars`. Not here: what is decided (`machines`), history before the first (`history`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tradewright.bots.machines.model import Said
from tradewright.bots.machines.why import rules_told
from tradewright.bots.runner.history import bar_of
from tradewright.bots.runner.state import RunState
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.money import plain
from tradewright.exchange.ports import Candle
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.prices import decimal_of

_FILL_DUE_S: Final = 1.0  # a fill that a bar's prices promise comes within that, or the bar is decided on without it
_KNOWN_MAX: Final = 3


@dataclass(slots=True)
class _Waiting:
    bar: Bar
    may_enter: bool
    until_s: float


class Bars:
    """`time_over` is told when a bar closes at or behind the run's last moment; `wrong` what must not be."""

    def __init__(self, run: RunState, *, time_over: Callable[[], None], wrong: Callable[[list[Said]], None]) -> None:
        self._run = run
        self._time_over = time_over
        self._wrong = wrong
        self._waiting: _Waiting | None = None
        self._known: dict[int, Bar] = {}

    @property
    def is_waiting(self) -> bool:
        return self._waiting is not None

    @property
    def next_open_ms(self) -> int:
        """Of the bar that comes next."""
        run = self._run
        return run.open_ms if self._waiting is None else self._waiting.bar.open_time_ms + run.length_ms

    async def take(self, candle: Candle) -> None:
        """A candle that closed, or the first sight of one that has begun."""
        if candle.open_time_ms < self.next_open_ms:
            self._look_at_old(candle)
            return
        is_whole = True
        if candle.open_time_ms > self.next_open_ms:
            is_whole = await self.catch_up(candle.open_time_ms)
        if candle.confirmed:
            self.closed(bar_of(candle), may_enter=is_whole)

    async def catch_up(self, until_ms: int) -> bool:
        """Bars that were missed, read from the exchange; False where some are not there. None of them is decided on
        but the newest, and that one only while its successor is open."""
        run, from_ms = self._run, self.next_open_ms
        try:
            bars = await run.history.between(from_ms, until_ms)
        except ExchangeUnavailable:
            bars = []
        is_whole = len(bars) == (until_ms - from_ms) // run.length_ms
        params = {"from_ms": str(from_ms), "to_ms": str(until_ms), "found": str(len(bars))}
        self._note("bar.late" if is_whole else "bar.missing", params)
        for bar in bars:
            if bar is bars[-1] and is_whole:
                self.closed(bar, may_enter=True)
            else:
                self.late(bar)
        return is_whole

    def closed(self, bar: Bar, *, may_enter: bool) -> None:
        """Decided on at once, or once the fill is there that its prices promise."""
        run = self._run
        self.settle()
        if bar.open_time_ms + run.length_ms >= run.deadline_ms and not run.is_stopping:
            self.late(bar)
            self._time_over()
        elif run.machine.expects(bar):
            self._waiting = _Waiting(bar, may_enter, run.parts.clock.monotonic() + _FILL_DUE_S)
        else:
            self._decide(bar, may_enter=may_enter)

    def look(self) -> None:
        """Whether the bar that waits is to be decided on now."""
        waiting, run = self._waiting, self._run
        if waiting is None:
            return
        if not run.machine.expects(waiting.bar) or run.parts.clock.monotonic() >= waiting.until_s:
            self._waiting = None
            self._decide(waiting.bar, may_enter=waiting.may_enter)

    def settle(self) -> None:
        """A bar that still waits is too late: the next one is there."""
        if self._waiting is not None:
            bar, self._waiting = self._waiting.bar, None
            self.late(bar)

    def _decide(self, bar: Bar, *, may_enter: bool) -> None:
        run = self._run
        if run.is_superseded(bar.open_time_ms):
            self.late(bar)
            return
        run.parts.reach("run.bar")
        values = run.evaluator.close(bar)
        is_entering = may_enter and run.state == "running" and not run.is_stopping
        said = run.machine.on_close(bar, values, may_enter=is_entering)
        self._taken(bar)
        decided = [one.payload["action"] for one in said if one.kind == "signal"]
        rules = rules_told(run.prepared.why, values, run.machine.seen(bar))
        self._wrong(run.say(said, caused_by=self._tell(bar, {"rules": rules, "decided": decided})))

    def late(self, bar: Bar) -> None:
        """Its time for decisions is over: it brings indicators and levels up to date, no more."""
        run = self._run
        said = run.machine.on_late(bar, run.evaluator.close(bar))
        self._taken(bar)
        self._wrong(run.say(said, caused_by=self._tell(bar, {"late": True, "rules": [], "decided": []})))

    def _tell(self, bar: Bar, more: Mapping[str, Any]) -> int:
        run = self._run
        payload = {
            "open_ms": bar.open_time_ms,
            "close": plain(decimal_of(bar.close)),
            "position": run.machine.position(),
            **more,
        }
        return run.tale.tell("bar", payload, market_ms=bar.open_time_ms + run.length_ms)

    def _taken(self, bar: Bar) -> None:
        self._run.last_open_ms, self._run.last_close = bar.open_time_ms, decimal_of(bar.close)
        self._run.parts.warm(self._run.row.instrument)
        self._known[bar.open_time_ms] = bar
        if len(self._known) > _KNOWN_MAX:
            self._known.pop(next(iter(self._known)))

    def _look_at_old(self, candle: Candle) -> None:
        """Told again with other prices than those that were decided on."""
        known = self._known.get(candle.open_time_ms)
        again = bar_of(candle)
        if candle.confirmed and known is not None and known[:5] != again[:5]:
            self._known[candle.open_time_ms] = again
            self._note("bar.revised", {"open_ms": str(candle.open_time_ms)})

    def _note(self, code: str, params: Mapping[str, str]) -> None:
        self._run.tale.tell("note", {"code": code, "params": dict(params)}, level="warning")
