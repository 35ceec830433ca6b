"""The store: what goes in comes out, twice makes no difference, contradictions are told, and no crash leaves half."""

from __future__ import annotations

import dataclasses
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewright.market.history.faults import BadCandles
from tradewright.market.history.files import read_candles, read_rows
from tradewright.market.history.hashing import data_sha256
from tradewright.market.history.merging import merged
from tradewright.market.history.rows import Rows
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore, StoreBusy
from tradewright.process.lock import FileLock

MINUTE = 60_000
HEADER = "open_time_ms,open,high,low,close,volume,turnover"
SERIES = Series(category="linear", symbol="BTCUSDT", timeframe="1m")


@dataclasses.dataclass
class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 26, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def rows(*minutes: int, cells: str = "10,12,9,11,5,55") -> Rows:
    return read_rows(io.BytesIO("\n".join([HEADER, *(f"{m * MINUTE},{cells}" for m in minutes), ""]).encode()))


def minutes_of(found: Rows | None) -> list[int]:
    assert found is not None
    return [int(time) // MINUTE for time in found.open_time_ms]


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(tmp_path / "data", StoppedClock())


def test_what_went_in_comes_out_as_a_file_that_a_backtest_takes(store: DataStore) -> None:
    store.add(SERIES, rows(0, 1, 2), source="a file")
    path = store.root / "linear" / "BTCUSDT" / "1m.parquet"
    assert path == store.path(SERIES)
    candles = read_candles(path, "1m")
    assert data_sha256(candles) == data_sha256(rows(0, 1, 2).candles("1m"))
    ((series, manifest),) = store.all()
    assert manifest is not None
    assert series == SERIES
    assert (manifest.bars, manifest.from_ms, manifest.to_ms) == (3, 0, 3 * MINUTE)
    assert (manifest.gaps, manifest.missing_bars, manifest.data_sha256) == (0, 0, data_sha256(candles))
    assert manifest.file_bytes == path.stat().st_size
    assert [(one.name, one.added, one.at) for one in manifest.sources] == [("a file", 3, "2026-11-26T00:00:00+00:00")]


def test_overlapping_imports_become_one_series_with_its_gaps_told(store: DataStore) -> None:
    store.add(SERIES, rows(5, 6, 7), source="late")
    done = store.add(SERIES, rows(0, 1, 2, 6, 7, 8), source="early")
    assert (done.added, done.equal, done.conflicts) == (4, 2, 0)
    assert minutes_of(store.read(SERIES)) == [0, 1, 2, 5, 6, 7, 8]
    assert (done.manifest.gaps, done.manifest.missing_bars) == (1, 2)
    checked = store.check(SERIES)
    assert [(fault.code, fault.times) for fault in checked.faults] == [("gap", (3 * MINUTE,))]


def test_the_same_import_again_changes_no_byte(store: DataStore) -> None:
    store.add(SERIES, rows(0, 1, 2), source="once")
    before = {path: path.read_bytes() for path in store.root.rglob("1m.*")}
    again = store.add(SERIES, rows(0, 1, 2), source="twice")
    assert (again.added, again.equal) == (0, 3)
    assert {path: path.read_bytes() for path in store.root.rglob("1m.*")} == before


def test_bars_that_contradict_are_refused_until_somebody_says_which_are_right(store: DataStore) -> None:
    store.add(SERIES, rows(0, 1, 2), source="one")
    other = rows(1, 2, 3, cells="10,12,9,10.5,5,55")
    with pytest.raises(BadCandles, match=r"2 bars contradict.*at 60000: close 11.0 there and 10.5 here") as caught:
        store.add(SERIES, other, source="other")
    assert (caught.value.code, caught.value.times) == ("conflict", (MINUTE, 2 * MINUTE))
    assert minutes_of(store.read(SERIES)) == [0, 1, 2]

    kept = store.add(SERIES, other, source="other", on_conflict="keep")
    assert (kept.added, kept.conflicts) == (1, 2)
    found = store.read(SERIES)
    assert found is not None
    assert found.close.tolist() == [11, 11, 11, 10.5]

    store.add(SERIES, other, source="other", on_conflict="replace")
    found = store.read(SERIES)
    assert found is not None
    assert found.close.tolist() == [11, 10.5, 10.5, 10.5]


def test_a_turnover_that_one_side_lacks_is_taken_from_the_other(store: DataStore) -> None:
    store.add(SERIES, rows(0, 1, cells="10,12,9,11,5,"), source="without")
    done = store.add(SERIES, rows(1, 2), source="with")
    assert (done.added, done.equal, done.conflicts) == (1, 1, 0)
    found = store.read(SERIES)
    assert found is not None
    assert found.turnover.tolist()[1:] == [55, 55]
    store.add(SERIES, rows(1, 2, cells="10,12,9,11,5,"), source="without")
    found = store.read(SERIES)
    assert found is not None
    assert found.turnover.tolist()[1:] == [55, 55]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=1, max_size=5))
def test_the_order_of_imports_does_not_matter(parts: list[set[int]]) -> None:
    def all_of(order: list[set[int]]) -> list[int]:
        found = rows(*sorted(order[0]))
        for part in order[1:]:
            found = merged(found, rows(*sorted(part)), "refuse").rows
        return minutes_of(found)

    assert all_of(parts) == all_of(parts[::-1]) == sorted(set().union(*parts))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (rows(), "no_candles"),
        (rows(0, 1, 1), "duplicate"),
        (rows(2, 1, 0), "disorder"),
        (rows(0, 5, 10), "wrong_timeframe"),
        (rows(0, 1, cells="10,8,9,11,5,"), "bad_candle"),
    ],
)
def test_what_no_backtest_would_take_is_not_stored(store: DataStore, bad: Rows, code: str) -> None:
    with pytest.raises(BadCandles) as caught:
        store.add(SERIES, bad, source="bad")
    assert caught.value.code == code
    assert store.all() == []


def test_bars_that_open_beside_the_clock_are_not_stored(store: DataStore) -> None:
    beside = dataclasses.replace(rows(0, 1), open_time_ms=rows(0, 1).open_time_ms + 30_000)
    with pytest.raises(BadCandles, match=r"not where bars of 1m open"):
        store.add(SERIES, beside, source="beside")


def test_a_flipped_bit_is_found_and_nothing_is_read_from_it_or_added_to_it(store: DataStore) -> None:
    store.add(SERIES, rows(0, 1, 2), source="one")
    path = store.path(SERIES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    (fault,) = store.check(SERIES).faults
    assert fault.code == "bad_file"
    assert "is damaged" in fault.message
    with pytest.raises(BadCandles, match=r"is damaged"):
        store.read(SERIES)
    with pytest.raises(BadCandles, match=r"is damaged"):
        store.add(SERIES, rows(3), source="more")
    assert path.read_bytes() == bytes(content)


def test_a_file_or_a_manifest_that_is_alone_is_a_fault(store: DataStore) -> None:
    store.add(SERIES, rows(0), source="one")
    store.add(SERIES, rows(1), source="two")
    content = store.path(SERIES).read_bytes()
    store.path(SERIES).unlink()
    with pytest.raises(BadCandles, match=r"is gone"):
        store.read(SERIES)
    store.path(SERIES).write_bytes(content)
    store.path(SERIES).with_suffix(".json").unlink()
    with pytest.raises(BadCandles, match=r"has no manifest"):
        store.read(SERIES)
    store.path(SERIES).with_suffix(".json").write_text("{}")
    with pytest.raises(BadCandles, match=r"cannot be read"):
        store.read(SERIES)
    assert store.all() == [(SERIES, None)]


DISK_STEPS = 12  # before and after each sync and each replacing of a file


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("step", range(DISK_STEPS + 1))
def test_whatever_step_a_crash_comes_at_the_old_or_the_new_is_there_whole(
    step: int, first: bool, store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that touches the disk may be the last one."""
    if not first:
        store.add(SERIES, rows(0, 1), source="one")
    before = store.read(SERIES)
    calls = 0

    def maybe_last() -> None:
        nonlocal calls
        if calls == step:
            raise Crash
        calls += 1

    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        maybe_last()
        real_fsync(descriptor)
        maybe_last()

    def replace(path: Path, target: Path) -> Path:
        maybe_last()
        done = real_replace(path, target)
        maybe_last()
        return done

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        patched.setattr(Path, "replace", replace)
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # nobody cleans up after a crash
        try:
            store.add(SERIES, rows(1, 2), source="two")
            crashed = False
        except Crash:
            crashed = True
    assert crashed == (step < DISK_STEPS)

    after = store.read(SERIES)
    whole = [1, 2] if first else [0, 1, 2]
    assert (after is None and before is None) or minutes_of(after) in ([0, 1], whole)
    if not crashed:
        assert minutes_of(after) == whole
    if after is not None:
        store.check(SERIES)
        ((_, listed),) = store.all()
        assert listed is not None
        assert (listed.bars, store.looks_whole(SERIES, listed)) == (len(after), True)
    # Life goes on: the next import is whole, and nothing is found wrong.
    store.add(SERIES, rows(2, 3), source="three")
    assert minutes_of(store.read(SERIES))[-2:] == [2, 3]
    checked = store.check(SERIES)
    assert [fault.code for fault in checked.faults if fault.code != "gap"] == []
    assert checked.manifest is not None
    assert checked.manifest.bars == len(minutes_of(store.read(SERIES)))


def test_two_writers_of_one_series_exclude_each_other(store: DataStore) -> None:
    store.add(SERIES, rows(0), source="one")
    lock = FileLock(store.root / "linear" / "BTCUSDT" / ".1m.lock")
    assert lock.take() is None
    with pytest.raises(StoreBusy, match=r"linear/BTCUSDT/1m is being written by process \d+"):
        store.add(SERIES, rows(1), source="two")
    lock.release()
    store.add(SERIES, rows(1), source="two")


def test_a_reader_between_whose_two_looks_a_writer_came_looks_again(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(SERIES, rows(0), source="one")
    real, writers = Path.read_bytes, [rows(1), rows(2)]

    def read_bytes(path: Path) -> bytes:
        if path.suffix == ".parquet" and writers:
            store_add(writers.pop(0))
        return real(path)

    def store_add(more: Rows) -> None:
        with monkeypatch.context() as unpatched:
            unpatched.setattr(Path, "read_bytes", real)
            store.add(SERIES, more, source="a writer")

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert minutes_of(store.read(SERIES)) == [0, 1, 2]


def test_prices_of_other_markets_have_a_folder_of_their_own(store: DataStore) -> None:
    for origin in ("bybit", "testnet", "sim"):
        series = dataclasses.replace(SERIES, origin=origin)
        store.add(series, rows(0), source=origin)
    assert sorted(str(series) for series, _ in store.all()) == [
        "linear/BTCUSDT/1m",
        "sim/linear/BTCUSDT/1m",
        "testnet/linear/BTCUSDT/1m",
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"symbol": "../X"}, {"symbol": "btcusdt"}, {"category": "inverse"}, {"timeframe": "8h"}, {"origin": "elsewhere"}],
)
def test_a_name_that_is_no_name_of_a_series_becomes_no_path(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"allowed are|it is 2 to 30"):
        dataclasses.replace(SERIES, **wrong)


def test_files_of_others_in_the_folder_are_no_series(store: DataStore) -> None:
    store.add(SERIES, rows(0), source="one")
    (store.root / "notes.json").write_text("{}")
    (store.root / "linear" / "x y" / "z").mkdir(parents=True)
    (store.root / "linear" / "x y" / "1m.json").write_text("{}")
    assert [series for series, _ in store.all()] == [SERIES]
