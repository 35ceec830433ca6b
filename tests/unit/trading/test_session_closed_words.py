"""A session that has ended is told as closed; what keeps that from being written ends nothing, and is told as what it
is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from tradewright.core.fault import Fault
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.trading.model import AccountRef
from tradewright.trading.worker import SessionKeeper

ACCOUNT = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
AWAY = [OperationalError("UPDATE", {}, Exception("away")), ConnectionRefusedError("nobody listens")]


class Failing:
    """A journal that cannot write."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def set_session(self, state: str, reason: Fault | None) -> None:
        assert (state, reason) == ("closed", Fault("session.resting"))
        raise self._error


async def told_of(error: Exception) -> list[Any]:
    """The lines of the log when the state cannot be written because of this."""
    nothing: Any = None
    keeper = SessionKeeper(nothing, nothing, nothing, lambda _: Failing(error), clock=nothing, rng=nothing)  # type: ignore[arg-type, return-value]
    with structlog.testing.capture_logs() as lines:
        await keeper._tell_closed(ACCOUNT, Fault("session.resting"))
    return lines


@pytest.mark.parametrize("number", range(len(AWAY)))
async def test_a_database_that_is_away_is_one_line_and_no_alarm_of_a_bug(number: int) -> None:
    [line] = await told_of(AWAY[number])
    assert (line["event"], line["log_level"]) == ("session.state_unwritten", "warning")
    assert (line["error"], line["account_id"]) == (type(AWAY[number]).__name__, str(ACCOUNT.id))


async def test_a_bug_is_told_with_where_it_is_and_ends_no_other_session() -> None:
    [line] = await told_of(ZeroDivisionError("a mistake"))
    assert (line["event"], line["log_level"], line["exc_info"]) == ("session.state_unwritten", "error", True)
