"""What is known of one run while it runs, and the commit of it.

Lives here: `RunState`, which the parts of the loop share. Not here: what they do (`bars`, `taking`, `acting`,
`stopping`), the loop itself (`run`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import structlog

from tradewright.bots.machines.model import Machine, Said
from tradewright.bots.model import RunState as State
from tradewright.bots.runner.asking import Asks
from tradewright.bots.runner.history import INTERVALS, History
from tradewright.bots.runner.parts import Ending, RunnerParts
from tradewright.bots.runner.preparing import Prepared
from tradewright.bots.runner.rows import RunRow, Wish
from tradewright.bots.runner.store import RunWrite, RunWriter
from tradewright.bots.runner.tale import Tale
from tradewright.core.money import ZERO
from tradewright.exchange.ports import Candle, Ticker
from tradewright.market.markets import MarketData
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.prices import Direction
from tradewright.strategy.timeframe import TIMEFRAMES, length_ms
from tradewright.trading.beside import SessionView

log = structlog.get_logger()

POSITION: Final = "position"  # the chain of what follows from holding one: its exits, its fills by them
_KEPT_CHAINS: Final = 20
SIDES: Final[Mapping[Direction, str]] = {1: "Buy", -1: "Sell"}


class RunState:
    """`begins` sets `prepared`, `market`, `history`, `machine` and `evaluator`; nothing else is used before."""

    prepared: Prepared
    market: MarketData
    history: History
    machine: Machine
    evaluator: Evaluator

    def __init__(self, row: RunRow, parts: RunnerParts, session: SessionView, writer: RunWriter) -> None:
        self.row, self.parts, self.session = row, parts, session
        self.log = log.bind(run_id=str(row.id), account_id=str(parts.account.id))
        self.tale = Tale(row.event_seq)
        self.asks = Asks(row.id, row.instrument)
        self.state: State = row.state
        self.ending: Ending | None = None
        self.wish = Wish(is_paused=row.wish_paused, paused_by=row.wish_paused_by, duration_ms=row.duration_ms)
        self.is_over = False
        self.has_machine = False
        self.first_open_ms = 0
        self.began_market_ms = row.began_market_ms or 0
        self.last_open_ms = 0  # of the newest bar that was taken
        self.last_close: Decimal = ZERO  # its price
        self.anchor: Mapping[str, int] = {}
        self.exits_asked = 0  # the ids of exits are made of it
        self.attempts: dict[str, int] = {}  # of closes and cancels
        self.decided_ms: dict[str, int] = {}  # by our clock, of entries that have not left
        self._writer = writer

    @property
    def interval(self) -> str:
        """As the exchange names it. Raises `KeyError` for a timeframe that is none of the spec's."""
        return next(INTERVALS[each] for each in TIMEFRAMES if each == self.row.timeframe)

    @property
    def length_ms(self) -> int:
        return length_ms(self.history.timeframe)

    @property
    def open_ms(self) -> int:
        """When the bar opened that is open now, as far as the run has seen."""
        return self.last_open_ms + self.length_ms

    @property
    def deadline_ms(self) -> int:
        return self.began_market_ms + self.wish.duration_ms

    def begun(self) -> State:
        """As it goes on once it has begun: what was wished before is in force from the first bar on."""
        if self.ending is not None:
            return "stopping"
        return "paused" if self.row.wish_paused or self.row.wish_stop is not None else "running"

    @property
    def is_stopping(self) -> bool:
        return self.ending is not None

    # The market.

    def ticker(self) -> Ticker | None:
        return self.market.hub(self.row.instrument.category).ticker(self.row.instrument)

    def newest_candle(self) -> Candle | None:
        newest = self.market.hub(self.row.instrument.category).candle(self.row.instrument, self.interval)
        return None if newest is None else newest.candle

    def is_superseded(self, bar_open_ms: int) -> bool:
        """Whether the bar behind this one has closed: what it says was meant for a market that is gone."""
        newest = self.newest_candle()
        return newest is not None and newest.open_time_ms > bar_open_ms + self.length_ms

    def price(self) -> Decimal:
        """What the position is worth by: the exchange's mark, else the last price that is known; 0: none is."""
        ticker = self.ticker()
        known = None if ticker is None else ticker.mark_price or ticker.last_price
        return self.last_close if known is None else known

    def last_price(self) -> Decimal | None:
        """What was traded at last, which is what stops go by; None: nobody has told."""
        ticker = self.ticker()
        return None if ticker is None else ticker.last_price

    # Telling and keeping.

    def say(self, said: Sequence[Said], *, caused_by: int | None) -> list[Said]:
        """What the machine said, each with what led to it. Returns what is an error."""
        wrong = []
        for one in said:
            if one.kind == "trade":
                self.tale.trades.append(one.payload)
            seq = self.tale.tell(one.kind, one.payload, level=one.level, chain=one.key, caused_by=caused_by)
            if one.kind == "position":
                self.tale.set_chain(POSITION, seq)
            if one.level == "error":
                wrong.append(one)
        return wrong

    def memory(self) -> dict[str, Any]:
        chains = list(self.tale.chains().items())[-_KEPT_CHAINS:]
        return {
            "first_open_ms": self.first_open_ms,
            "machine": self.machine.memory(),
            "ending": None if self.ending is None else self.ending.memory(),
            "exits_asked": self.exits_asked,
            "attempts": self.attempts,
            "decided_ms": {key: at for key, at in self.decided_ms.items() if key in self.machine.unsent()},
            "chains": dict(chains),
        }

    async def flush(self, *, begins: bool = False, ends: bool = False) -> None:
        """Commits what happened and what the run remembers of it, before anything is asked."""
        has_fill = self.tale.has("fill")
        base, events, trades = self.tale.take()
        write = RunWrite(
            run_id=self.row.id,
            base=base,
            state=self.state,
            reason=None if self.ending is None else self.ending.reason(),
            begins=begins,
            ends=ends,
            events=events,
        )
        if self.has_machine:
            first = self.machine.trades() - len(trades) + 1
            totals = self.machine.totals(self.price())
            write = replace(
                write,
                memory=self.memory(),
                bar_open_ms=self.last_open_ms,
                anchor=self.anchor,
                totals=totals,
                report={"totals": totals, "events": self.tale.seq} if ends else None,
                began_market_ms=self.began_market_ms,
                trades=[(first + number, trade) for number, trade in enumerate(trades)],
            )
        await self._writer.write(write)
        self.parts.reach("run.told" if has_fill else "run.decided")
