"""Lines out of pipes, and logs that stay small."""

from __future__ import annotations

import io
import os
import stat

import pytest

from tradewright.process.lines import LogSink, RotatingFile, read_lines


async def lines_of(data: bytes) -> list[str]:
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    return [line async for line in read_lines(os.fdopen(read_end, "rb"))]


async def test_lines_come_whole_also_the_last_one_without_an_end_and_with_broken_letters():
    assert await lines_of(b"one\n\ntwo \xd0\x96\nthr\xffee") == ["one", "", "two Ж", "thr�ee"]


async def test_a_line_without_end_is_cut_and_does_not_grow_for_ever(monkeypatch):
    monkeypatch.setattr("tradewright.process.lines._LINE_BYTES_MAX", 1000)
    monkeypatch.setattr("tradewright.process.lines._CHUNK_BYTES", 400)
    lines = await lines_of(b"x" * 5000 + b"\nshort\n")
    assert "".join(lines[:-1]) == "x" * 5000
    assert max(map(len, lines)) <= 1400
    assert lines[-1] == "short"


def test_a_log_is_set_aside_when_full_and_only_the_newest_few_are_kept(tmp_path):
    file = RotatingFile(tmp_path / "a.log", bytes_max=100, kept=2)
    for number in range(50):
        file.write(f"line {number:03d}")
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    kept = [(tmp_path / name).read_text() for name in ("a.log.2", "a.log.1", "a.log")]
    assert all(len(text) <= 100 for text in kept)
    assert "".join(kept).splitlines() == [f"line {number:03d}" for number in range(50)][-len("".join(kept)) // 9 :]
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) == 0o600


def test_a_log_that_cannot_begin_anew_goes_on_in_the_file_set_aside(tmp_path, monkeypatch):
    file = RotatingFile(tmp_path / "a.log", bytes_max=20)
    file.write("0123456789")
    real = file._open
    monkeypatch.setattr(file, "_open", lambda: os.open(tmp_path / "no" / "folder", os.O_WRONLY))
    with pytest.raises(OSError):
        file.write("0123456789")
    monkeypatch.setattr(file, "_open", real)
    file.write("after")
    file.close()
    assert (tmp_path / "a.log.1").read_text() == "0123456789\nafter\n"


def test_a_log_that_is_there_is_continued(tmp_path):
    for text in ("first", "second"):
        file = RotatingFile(tmp_path / "a.log")
        file.write(text)
        file.close()
    assert (tmp_path / "a.log").read_text() == "first\nsecond\n"


def test_a_closed_terminal_and_a_folder_that_is_gone_lose_lines_and_nothing_else(tmp_path):
    screen = io.StringIO()
    screen.close()
    LogSink(tmp_path / "gone", echo=screen).write("worker", "a line")
