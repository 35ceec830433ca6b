"""Private messages on their way: each leaves at its own moment, and those of one order never overtake each other.

Lives here: the queue and the task that empties it. Not here: what the messages say (`payloads`), who gets them
(`ws_private`).
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tradewright.simulator.faults.board import Faults

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """Rows for the subscribers of one topic, without its category: `order`, `execution.fast`, `wallet` …"""

    topic: str
    rows: list[Row]
    created_ms: int  # wall time of what the rows say; a message that waits does not grow younger
    uid: str = ""  # whose account


@dataclass(order=True, slots=True)
class _Waiting:
    due: float  # loop time, seconds
    place: int
    order_id: str = field(compare=False)
    message: Message = field(compare=False)
    lost_under: int | None = field(compare=False, default=None)  # how often everything had been disarmed by then


class Outbox:
    """Hands messages to `deliver` when they are due. The loop's clock decides, so that virtual time works too."""

    def __init__(self, deliver: Callable[[Message], None], faults: Faults) -> None:
        self._deliver = deliver
        self._faults = faults
        self._heap: list[_Waiting] = []
        self._last_due: dict[str, float] = {}  # by order id, while messages of it are waiting
        self._place = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def send(self, messages: list[Message], *, order_id: str, delay_s: float) -> None:
        """Deliver after `delay_s`, but not before what was sent earlier about the same order; unless a fault has it.

        One that waits and is to be lost is lost when it would leave: where all faults are over by then, it comes.
        """
        due = max(self._loop.time() + delay_s, self._last_due.get(order_id, 0.0))
        self._last_due[order_id] = due
        for message in messages:
            copies_ms = self._faults.copies_ms(message.topic, message.uid, message.rows)
            if not copies_ms and due > self._loop.time():
                self._place += 1
                lost = _Waiting(due, self._place, order_id, message, self._faults.clearings)
                heapq.heappush(self._heap, lost)
            for extra_ms in copies_ms:
                self._place += 1
                heapq.heappush(self._heap, _Waiting(due + extra_ms / 1000, self._place, order_id, message))
        self._flush()

    def sends_at_once(self, order_id: str) -> bool:
        """Whether what is sent now about an order would leave now: nothing of it waits, and no fault is about."""
        return self._faults.is_quiet and self._last_due.get(order_id, 0.0) <= self._loop.time()

    def hasten(self, order_ids: frozenset[str]) -> None:
        """What waits about these orders leaves now, in the order in which it was sent."""
        now = self._loop.time()
        for waiting in self._heap:
            if waiting.order_id in order_ids:
                waiting.due = min(waiting.due, now)
        for order_id in order_ids & self._last_due.keys():
            self._last_due[order_id] = min(self._last_due[order_id], now)
        heapq.heapify(self._heap)
        self._flush()

    def close(self) -> None:
        """Drop what is waiting: nobody is connected any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._heap.clear()

    def _flush(self) -> None:
        now = self._loop.time()
        while self._heap and self._heap[0].due <= now:
            leaves = heapq.heappop(self._heap)
            if leaves.lost_under != self._faults.clearings:
                self._deliver(leaves.message)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = self._loop.call_at(self._heap[0].due, self._flush)
        else:
            self._last_due.clear()
