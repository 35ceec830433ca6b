"""A test installation's wish to be killed at a named point: read strictly, and refused beside a real account."""

from __future__ import annotations

import os
import signal

import pytest

from tradewright.app.crash import crash_reach
from tradewright.core.errors import StartError
from tradewright.trading.crash_points import CRASH_POINTS, nowhere


def test_without_a_wish_nothing_is_done() -> None:
    assert crash_reach({}) is nowhere
    assert crash_reach({"TRADEWRIGHT_CRASH_AT": ""}) is nowhere


@pytest.mark.parametrize("wish", ["somewhere", "request.signed:0", "request.signed:x", "request.signed:-1", ":3"])
def test_a_wish_that_names_no_point_or_no_number_is_refused(wish: str) -> None:
    with pytest.raises(StartError, match="TRADEWRIGHT_CRASH_AT") as refused:
        crash_reach({"TRADEWRIGHT_CRASH_AT": wish})
    assert refused.value.exit_code == 2


def test_it_is_ended_the_nth_time_and_stopped_where_that_is_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    reach = crash_reach({"TRADEWRIGHT_CRASH_AT": "answer.received:3", "TRADEWRIGHT_STOP_AT": "request.passed"})
    for point in CRASH_POINTS:
        reach(point)
    assert sent == [(os.getpid(), signal.SIGSTOP)]
    reach("answer.received")
    reach("request.passed")
    assert len(sent) == 1
    reach("answer.received")
    assert sent[1:] == [(os.getpid(), signal.SIGKILL)]
