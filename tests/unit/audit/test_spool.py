"""The spool on a real disk, and on one that is full, broken or read-only."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradewright.audit import spool as module
from tradewright.audit.spool import RESERVE_BYTES, Spool, SpoolUnwritable


def entries(spool: Spool, name: str = "a") -> list[int]:
    return [entry["n"] for taken in spool.take(name) for entry in taken.entries]


def test_what_was_appended_is_taken_once_it_is_loaded_and_not_before(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append("a", [{"n": 1}, {"n": 2}])
    spool.append("b", [{"n": 9}])
    assert spool.names() == ["a", "b"]
    assert entries(spool) == [1, 2]
    spool.append("a", [{"n": 3}])
    assert entries(Spool(tmp_path / "spool")) == [1, 2, 3], "a crash before `done` loses nothing, and keeps the order"
    for taken in spool.take("a"):
        spool.done(taken)
    assert spool.names() == ["b"]


def test_a_line_that_a_crash_tore_anywhere_spoils_no_other(tmp_path: Path) -> None:
    line = json.dumps({"n": 2}).encode()
    for cut in range(len(line) + 1):
        folder = tmp_path / str(cut)
        spool = Spool(folder)
        spool.append("a", [{"n": 1}])
        with (folder / "a.jsonl").open("ab") as torn:
            torn.write(line[:cut])
        Spool(folder).append("a", [{"n": 3}])
        # Whole but for its newline it may count: written down was that it would be done, and it was not.
        assert [n for n in entries(Spool(folder)) if n != 2] == [1, 3], cut


def test_a_disk_that_fills_up_leaves_room_for_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more fits but what the reserve gives back."""
    spool = Spool(tmp_path)
    spool.prepare()
    reserve = tmp_path / "reserve"
    assert reserve.stat().st_size == RESERVE_BYTES
    monkeypatch.setattr(module.os, "write", full_while(reserve.exists))
    spool.append("a", [{"n": 1}])
    monkeypatch.undo()
    assert entries(spool) == [1]
    assert not reserve.exists()
    for taken in spool.take("a"):
        spool.done(taken)
    assert reserve.stat().st_size == RESERVE_BYTES, "once there is room again, there is a reserve again"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_nothing_is_told_and_needs_no_repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    spool = Spool(tmp_path)
    spool.append("a", [{"n": 1}])
    monkeypatch.setattr(module.os, "fsync", failing(number))
    with pytest.raises(SpoolUnwritable, match="nothing was done"):
        spool.append("a", [{"n": 2}])
    monkeypatch.undo()
    spool.append("a", [{"n": 3}])
    assert entries(spool) == [1, 3], "what was told not to be written is not there"


def full_while(still: Callable[[], bool]) -> Callable[[int, Any], int]:
    real = os.write

    def write(descriptor: int, content: Any) -> int:
        if still():
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content)

    return write


def failing(number: int) -> Callable[[int], None]:
    def fsync(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    return fsync
