"""The truth log: one rising sequence, bounded in memory, going on in its file after restarts and crashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tradewright.simulator.faults.truth import OLDER_FILE, RESTART_GAP, TRUTH_FILE, TruthLog


def rows(log: TruthLog, after: int = 0, limit: int = 1_000) -> list[dict[str, Any]]:
    return [json.loads(bytes(row)) for row in log.after(after, limit=limit)]


def in_file(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_are_read_in_pages_and_none_is_missed() -> None:
    log = TruthLog(lambda: 5)
    for number in range(10):
        log.record("request", {"number": number})
    seen: list[dict[str, Any]] = []
    while page := rows(log, after=seen[-1]["seq"] if seen else 0, limit=3):
        seen += page
    assert [row["seq"] for row in seen] == list(range(1, 12))
    assert seen[0]["what"] == "started"
    assert [row["number"] for row in seen[1:]] == list(range(10))
    assert rows(log, after=11) == []


def test_what_was_dropped_from_memory_is_said() -> None:
    log = TruthLog(lambda: 5, lines_max=4)
    for number in range(10):
        log.record("request", {"number": number})
    told = rows(log)
    assert (told[0]["what"], told[0]["through"], told[0]["seq"]) == ("dropped", 7, 7)
    assert [row["seq"] for row in told[1:]] == [8, 9, 10, 11]
    assert [row["seq"] for row in rows(log, after=7)] == [8, 9, 10, 11]
    assert [row["seq"] for row in rows(log, limit=2)] == [7, 8]
    small = TruthLog(lambda: 5, bytes_max=200)
    for _ in range(20):
        small.record("request", {"padding": "x" * 30})
    assert len(rows(small)) < 5
    assert small.last == 21


async def test_the_file_has_everything_and_the_next_run_goes_on_above_it(tmp_path: Path) -> None:
    first = TruthLog(lambda: 5, tmp_path)
    first.record("request", {"number": 1})
    first.close()
    first.record("request", {"number": 2})  # too late, and harmless
    assert [row["what"] for row in in_file(tmp_path / TRUTH_FILE)] == ["started", "request"]

    with (tmp_path / TRUTH_FILE).open("a") as file:
        file.write('{"seq":3,"what":"requ')  # what a crash leaves
    second = TruthLog(lambda: 6, tmp_path)
    assert second.record("request", {"number": 3}) == 2 + RESTART_GAP + 2
    second.close()
    told = [row["seq"] for row in in_file(tmp_path / TRUTH_FILE)]
    assert told == [1, 2, 2 + RESTART_GAP + 1, 2 + RESTART_GAP + 2]
    assert (tmp_path / TRUTH_FILE).stat().st_mode & 0o777 == 0o600


async def test_a_full_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    log = TruthLog(lambda: 5, tmp_path, file_bytes_max=1_000)
    for number in range(30):
        log.record("request", {"number": number})
    log.close()
    both = in_file(tmp_path / OLDER_FILE) + in_file(tmp_path / TRUTH_FILE)
    told = [row["seq"] for row in both]
    assert told == list(range(told[0], 32))
    assert (tmp_path / OLDER_FILE).stat().st_size <= 1_000
    assert sorted(each.name for each in tmp_path.iterdir()) == [OLDER_FILE, TRUTH_FILE]
