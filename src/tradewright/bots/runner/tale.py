"""A run's events as they happen: numbered, each with what led to it, kept until they are written.

Lives here: `Tale`. Not here: the rows (`store`), what the words of an event are (the page).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tradewright.bots.model import EventKind, EventLevel
from tradewright.bots.runner.store import RunEvent

_CHAINS_MAX = 500


class Tale:
    """`seq` is the number of the newest event, told or waiting. A chain is named by the order it is about."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.trades: list[Mapping[str, Any]] = []
        self._events: list[RunEvent] = []
        self._last: dict[str, int] = {}

    @property
    def has_news(self) -> bool:
        return bool(self._events)

    def tell(
        self,
        kind: EventKind,
        payload: Mapping[str, Any],
        *,
        level: EventLevel = "info",
        chain: str | None = None,
        caused_by: int | None = None,
        intent_id: UUID | None = None,
        market_ms: int | None = None,
    ) -> int:
        """Returns its number. `chain`: what came last of it led to this; without one, `caused_by` did."""
        self.seq += 1
        cause = self._last.get(chain, caused_by) if chain is not None else caused_by
        self._events.append(
            RunEvent(
                seq=self.seq,
                kind=kind,
                payload=payload,
                level=level,
                market_ms=market_ms,
                caused_by=cause,
                intent_id=intent_id,
            )
        )
        if chain is not None:
            self._last[chain] = self.seq
            if len(self._last) > _CHAINS_MAX:
                self._last.pop(next(iter(self._last)))
        return self.seq

    def has(self, kind: EventKind) -> bool:
        """Whether one of this kind waits to be written."""
        return any(event.kind == kind for event in self._events)

    def set_chain(self, chain: str, seq: int) -> None:
        self._last[chain] = seq

    def last_of(self, chain: str) -> int | None:
        return self._last.get(chain)

    def take(self) -> tuple[int, list[RunEvent], list[Mapping[str, Any]]]:
        """(the number before them, the events that wait, the trades that wait): they are the caller's now."""
        events, self._events = self._events, []
        trades, self.trades = self.trades, []
        return self.seq - len(events), events, trades

    def chains(self) -> dict[str, int]:
        return dict(self._last)

    def restore(self, chains: Mapping[str, int]) -> None:
        self._last = {name: int(seq) for name, seq in chains.items()}
