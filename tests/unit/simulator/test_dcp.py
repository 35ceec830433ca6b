"""Disconnect-cancel-all: when an account counts as away, on a clock that the test moves; and once over the wire."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tradewright.simulator.rest.dcp import DcpSettings
from tradewright.simulator.streams.dcp import PING_DUE_MS, DcpWatch
from tradewright.simulator.streams.sockets import Connection

NOW = 1_700_000_000_000
WINDOW_MS = 10_000


class Line:
    """What the watch looks at of a connection."""

    def __init__(self) -> None:
        self.pings = 0


class Desk:
    def __init__(self) -> None:
        self.settings = DcpSettings()
        self.fired: list[tuple[str, str]] = []
        self.watch = DcpWatch(self.settings, lambda uid, product: self.fired.append((uid, product)))

    def connect(self, at_ms: int, *, topic: str = "dcp.future", uid: str = "7") -> Any:
        line = Line()
        self.watch.arm(uid, topic, cast(Connection, line), now_ms=NOW + at_ms)
        return line

    def left(self, line: Any, at_ms: int) -> None:
        self.watch.left(line, now_ms=NOW + at_ms)

    def fires(self, at_ms: int) -> bool:
        before = len(self.fired)
        self.watch.check(now_ms=NOW + at_ms)
        return len(self.fired) > before


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_it_fires_once_when_the_last_armed_connection_is_gone_for_longer_than_the_window(desk: Desk) -> None:
    first, second = desk.connect(0), desk.connect(0)
    desk.left(first, 1_000)
    assert not desk.fires(15_000)  # the other one is still there
    desk.left(second, 16_000)
    assert not desk.fires(16_000 + WINDOW_MS)
    assert desk.fires(16_000 + WINDOW_MS + 1)
    assert desk.fired == [("7", "DERIVATIVES")]
    assert not desk.fires(999_000)


def test_coming_back_within_the_window_stops_the_count(desk: Desk) -> None:
    desk.left(desk.connect(0), 1_000)
    again = desk.connect(10_500)
    assert not desk.fires(12_000)
    desk.left(again, 20_000)
    assert not desk.fires(29_000)
    assert desk.fires(30_001)


def test_an_open_connection_counts_as_gone_once_its_ping_is_overdue(desk: Desk) -> None:
    line = desk.connect(0)
    line.pings += 1
    assert not desk.fires(18_000)  # notes the ping
    overdue_ms = 18_000 + PING_DUE_MS
    assert not desk.fires(overdue_ms + WINDOW_MS)
    assert desk.fires(overdue_ms + WINDOW_MS + 1)
    assert not desk.fires(overdue_ms + 60_000)
    line.pings += 1
    assert not desk.fires(overdue_ms + 61_000)  # alive again, and armed again
    assert desk.fires(overdue_ms + 61_000 + PING_DUE_MS + WINDOW_MS + 1)


def test_a_connection_that_closes_after_it_was_given_up_does_not_fire_again(desk: Desk) -> None:
    line = desk.connect(0)
    assert desk.fires(PING_DUE_MS + WINDOW_MS + 1)
    desk.left(line, 100_000)
    assert not desk.fires(200_000)


def test_accounts_and_products_are_watched_apart(desk: Desk) -> None:
    gone = [desk.connect(0, topic="dcp.spot"), desk.connect(0, topic="dcp.option", uid="8")]
    stays = desk.connect(0, topic="dcp.spot", uid="8")
    for line in gone:
        desk.left(line, 1)
    stays.pings += 1
    assert desk.fires(10_002)
    assert desk.fired == [("7", "SPOT"), ("8", "OPTIONS")]


def test_unsubscribing_on_purpose_disarms(desk: Desk) -> None:
    line = desk.connect(0)
    desk.watch.disarm("7", "dcp.future", line)
    desk.left(line, 1)
    assert not desk.fires(999_000)


def test_a_new_window_holds_ten_seconds_after_it_was_set(desk: Desk) -> None:
    desk.settings.set("7", "DERIVATIVES", 40, now_ms=NOW)
    assert desk.settings.window_s("7", "DERIVATIVES", now_ms=NOW + 9_999) == 10
    assert desk.settings.window_s("7", "DERIVATIVES", now_ms=NOW + 10_000) == 40
    assert desk.settings.infos("7")[1] == {"product": "DERIVATIVES", "dcpStatus": "ON", "timeWindow": "40"}
    desk.left(desk.connect(0), 1)
    assert not desk.fires(40_001)
    assert desk.fires(40_002)
