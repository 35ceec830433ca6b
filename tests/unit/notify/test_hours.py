"""Quiet hours in the zone of the person, over midnight and where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tradewright.notify.hours import is_quiet, quiet_until, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
EVENING, MORNING = 22 * 60, 7 * 60


@pytest.mark.parametrize(
    ("hour", "quiet"), [(19, False), (20, True), (23, True), (0, True), (4, True), (5, False), (12, False)]
)
def test_quiet_hours_over_midnight(hour, quiet):
    # In July Berlin is two hours before UTC.
    assert is_quiet(datetime(2026, 7, 1, hour, tzinfo=UTC), BERLIN, EVENING, MORNING) is quiet


def test_what_comes_at_night_waits_for_the_morning_there():
    assert quiet_until(datetime(2026, 7, 1, 21, tzinfo=UTC), BERLIN, EVENING, MORNING) == datetime(
        2026, 7, 2, 5, tzinfo=UTC
    )
    assert quiet_until(datetime(2026, 7, 2, 3, tzinfo=UTC), BERLIN, EVENING, MORNING) == datetime(
        2026, 7, 2, 5, tzinfo=UTC
    )


def test_the_morning_after_clocks_were_changed_is_an_hour_nearer():
    assert quiet_until(datetime(2026, 3, 28, 22, tzinfo=UTC), BERLIN, EVENING, MORNING) == datetime(
        2026, 3, 29, 5, tzinfo=UTC
    )


def test_hours_that_end_where_they_begin_are_never_quiet():
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert quiet_until(now, UTC, 600, 600) == now


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_a_zone_that_is_none(name):
    assert zone_of(name) is None


def test_utc_needs_no_database():
    assert zone_of("UTC") is UTC
