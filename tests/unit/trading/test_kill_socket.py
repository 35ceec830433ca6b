"""What goes over the worker's control socket: what is asked for, long answers, and latches that are none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tradewright.system import SystemClock, SystemIds
from tradewright.trading.kill.control import LINE_BYTES_MAX, ControlServer, ask
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import LatchUnreadable, latch_of_json
from tradewright.trading.kill.pulling import KillDesk

ACCOUNT = UUID("0199d000-0000-7000-8000-00000000000a")
LATCH = {
    "id": str(ACCOUNT),
    "scope": f"account-{ACCOUNT}",
    "close_positions": True,
    "pulled_at_ms": 1_760_000_000_000,
    "pulled_by": None,
    "via": "socket",
    "workspace_id": None,
    "token_id": str(UUID(int=7)),
}


@pytest.mark.parametrize(("close", "op"), [(True, "close"), (False, "cancel_all")])
async def test_what_is_left_is_closed_only_where_that_was_asked_for(tmp_path: Path, *, close: bool, op: str) -> None:
    asked: list[Mapping[str, Any]] = []

    async def answer(request: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"orders": 2, "positions": 1, "kept": 0}

    path = tmp_path / "worker.sock"
    desk = KillDesk(LatchFolder(tmp_path / "kill"), path, SystemClock(), SystemIds())
    async with ControlServer(path, answer).listening():
        left = await desk.take_down(ACCOUNT, UUID(int=7), close=close, by=None, via="cli")
    assert left == {"orders": 2, "positions": 1, "kept": 0}
    assert [(one["op"], one["account"], one["via"]) for one in asked] == [(op, str(ACCOUNT), "cli")]


async def test_an_answer_may_be_much_longer_than_a_request(tmp_path: Path) -> None:
    """The state of hundreds of accounts is one line."""
    accounts = ["x" * 1_000] * (8 * LINE_BYTES_MAX // 1_000)

    async def answer(_request: Mapping[str, Any]) -> dict[str, Any]:
        return {"accounts": accounts}

    path = tmp_path / "worker.sock"
    async with ControlServer(path, answer).listening():
        assert (await ask(path, {"op": "status"}, within_s=30))["accounts"] == accounts


def test_a_latch_comes_back_as_it_was_written() -> None:
    assert latch_of_json(LATCH).as_json() == LATCH


@pytest.mark.parametrize(
    "wrong",
    [
        {"via": "telepathy"},
        {"close_positions": "yes"},
        {"close_positions": 1},
        {"via": "telepathy", "close_positions": None},
        {"scope": "everything"},
        {"id": "7"},
        {"pulled_at_ms": "soon"},
    ],
)
def test_what_is_wrong_in_one_field_is_no_latch(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(LatchUnreadable):
        latch_of_json({**LATCH, **wrong})
    with pytest.raises(LatchUnreadable):
        latch_of_json({name: value for name, value in LATCH.items() if name not in wrong})
