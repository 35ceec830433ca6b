"""Workers killed in the middle of a reading: each fill is there and was told once, and in the end nothing differs (B6).

`make kills-reading KILLS=1000` runs fifty such nights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sim.whole.planted import _Around
from sim.whole.reading_kills import KILLS_A_NIGHT, MUST_DIE_AT, ReadingWorld, run_night
from tradewright.core.ids import ExecutionId
from tradewright.core.order import Execution
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.trading.journal import Fact, Journal
from tradewright.trading.model import EventSource

_NIGHTS = 3
_FOUND_IN = range(6, 46)  # nights in which a bug must be found; one in four finds the rarer, the first is soon met


@pytest.mark.parametrize("night", range(_NIGHTS))
def test_whoever_is_killed_within_a_reading_books_and_tells_each_fill_once_and_ends_right(night: int) -> None:
    report = run_night(night)
    assert report.problems == []
    assert report.deaths.total() == KILLS_A_NIGHT
    assert len(report.deaths.keys() & set(MUST_DIE_AT)) >= 3
    assert report.fills


class _MarksFirst(_Around):
    """What was read counts as read before it is booked."""

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        if source == "reconciliation":
            await self._real.note_executions_read(self._real._clock.now())
        await self._real.book(facts, source)

    async def executions_read_until(self) -> datetime | None:
        until: datetime | None = await self._real.executions_read_until()
        return None if until is None else until + timedelta(minutes=10)  # no overlap with the reading before


class _MakesFillsUp(_Around):
    """Fills of a reading get an id of ours, another one in each."""

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        if source == "reconciliation":
            made = str(self._real._ids.new())
            facts = [replace(one, exec_id=ExecutionId(made)) if isinstance(one, Execution) else one for one in facts]
        await self._real.book(facts, source)


@pytest.mark.parametrize(("bug", "word"), [(_MarksFirst, "lost"), (_MakesFillsUp, "diverged")])
def test_a_reading_that_loses_or_doubles_fills_when_it_is_killed_is_found_out(bug: type[_Around], word: str) -> None:
    class Planted(ReadingWorld):
        def make_journal(self, journal: MemoryJournal) -> Journal:
            made: Any = bug(journal)
            return made  # type: ignore[no-any-return]

    assert any(run_night(night, world_class=Planted).found[word] for night in _FOUND_IN)
