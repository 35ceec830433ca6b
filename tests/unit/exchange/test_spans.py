"""Long stretches of time are asked in spans of seven days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tradewright.exchange.bybit.spans import HISTORY_MAX, SPAN_MAX, spans

_NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_spans_cover_what_our_reading_of_the_clock_is_behind_without_being_refused() -> None:
    """A clock that is 5 s behind is still within the recv window: what happened in those seconds must be listed."""
    (span,) = spans(_NOW - timedelta(hours=1), _NOW)
    assert span[0] == _NOW - timedelta(hours=1)
    assert span[1] >= _NOW + timedelta(seconds=5)


def test_spans_touch_and_none_is_longer_than_seven_days() -> None:
    found = spans(_NOW - timedelta(days=30), _NOW)
    assert all(end - start <= SPAN_MAX for start, end in found)
    assert all(before[1] == after[0] for before, after in pairwise(found))


def test_nothing_older_is_asked_for_than_the_exchange_keeps() -> None:
    assert spans(_NOW - timedelta(days=2_000), _NOW)[0][0] >= _NOW - HISTORY_MAX
