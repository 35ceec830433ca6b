"""The moves of a session that the reference lists are those that sessions make."""

from __future__ import annotations

import pytest

from sim.seeded import run_seed
from tradewright.core.fault import Fault
from tradewright.trading.model import SESSION_MOVES, SessionState
from tradewright.trading.session import AccountSession

# Told by others than the session: that one has ended, and the first state of the next.
BY_OTHERS = {(state, "closed") for state in SESSION_MOVES} | {("closed", "connecting")}


def test_every_move_of_seeded_sessions_is_listed_and_nearly_every_listed_one_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: set[tuple[SessionState, SessionState]] = set()
    enter = AccountSession._enter

    async def watched(session: AccountSession, state: SessionState, reason: Fault | None) -> None:
        if state != session.state:
            made.add((session.state, state))
        await enter(session, state, reason)

    monkeypatch.setattr(AccountSession, "_enter", watched)
    for seed in range(60):
        run_seed(seed)
    listed = {(state, following) for state, moves in SESSION_MOVES.items() for following in moves}
    assert made <= listed, made - listed
    assert len(listed - made - BY_OTHERS) <= 2, listed - made - BY_OTHERS
