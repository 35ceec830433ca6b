"""The spool on a real disk, and on one that is full, broken or read-only."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tradewright.audit import spool as module
from tradewright.audit.spool import RESERVE_BYTES, Spool, SpoolUnwritable
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Latch, Scope


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


def test_a_really_full_disk_takes_a_latch_and_a_kills_lines_and_is_as_before_when_there_is_room(tmp_path: Path) -> None:
    """A tmpfs of 3 MB, filled to the last byte. Only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here; the faults above stand for it")
    try:
        spool = Spool(disk / "spool")
        spool.prepare()
        folder = LatchFolder(disk / "kill", spool.give_room)
        with contextlib.suppress(OSError), (disk / "filler").open("wb") as filler:
            while True:  # ends when the disk is full
                filler.write(b"\0" * 4096)
                filler.flush()
        latch = folder.write(Latch(**FIELDS))
        for number in range(200):
            spool.append("a", [{"n": number}])
        assert folder.read() == [latch]
        (disk / "filler").unlink()
        assert entries(spool) == list(range(200))
        for taken in spool.take("a"):
            spool.done(taken)
        assert (disk / "spool/reserve").stat().st_size == RESERVE_BYTES
    finally:
        subprocess.run(["umount", str(disk)], check=True, capture_output=True)


FIELDS: dict[str, Any] = {
    "id": UUID(int=5),
    "scope": Scope("installation"),
    "close_positions": False,
    "pulled_at": datetime(2026, 1, 5, tzinfo=UTC),
    "pulled_by": None,
    "via": "cli",
}
