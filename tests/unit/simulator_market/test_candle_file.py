"""A recording is checked row by row; what is wrong is named with file, line, value and what is allowed."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from tradewright.simulator.market import RecordingError
from tradewright.simulator.market.recorded.recording import read_recording
from unit.simulator_market.samples import HEADER, as_row, recording

GOOD = ["60000,10,12,9.5,11,1.25,13.1", "120000,11,11,11,11,0,0", "240000,11,13,10,12,3,35.5"]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = read_recording(recording(tmp_path, GOOD))

    assert [as_row(file.bar(index)) for index in range(len(file))] == GOOD
    assert file.base_ms == 60_000
    assert (file.first_ms, file.end_ms) == (60_000, 300_000)
    assert file.bar(0).end_ms == 119_999
    assert file.price_decimals == 1


def test_decimals_stay_exactly_as_written_also_the_very_small_ones(tmp_path: Path) -> None:
    rows = [
        "60000,0.00000010,0.0000002,0.0000001,0.0000002,18446744073709551615.000000000001,1.10",
        "120000,1,1,1,1,1.000,0.0",
    ]

    file = read_recording(recording(tmp_path, rows))

    assert [as_row(file.bar(index)) for index in range(2)] == rows


@pytest.mark.parametrize(("minutes", "base_ms"), [(1, 60_000), (5, 300_000), (240, 14_400_000), (1440, 86_400_000)])
def test_the_length_of_a_bar_is_found_in_the_rows(tmp_path: Path, minutes: int, base_ms: int) -> None:
    opens = [base_ms * place for place in (1, 4, 5, 9)]

    file = read_recording(recording(tmp_path, [f"{open_ms},1,1,1,1,1,1" for open_ms in opens]))

    assert file.base_ms == minutes * 60_000


def test_weeks_start_on_mondays(tmp_path: Path) -> None:
    monday_ms, week_ms = 345_600_000, 604_800_000

    file = read_recording(recording(tmp_path, [f"{monday_ms + n * week_ms},1,1,1,1,1,1" for n in range(3)]))

    assert file.base_ms == week_ms


def test_a_turnover_that_the_source_does_not_have_is_volume_times_close(tmp_path: Path) -> None:
    file = read_recording(recording(tmp_path, ["60000,10,12,9,11,1.5,", "120000,11,11,11,11,1,"]))

    assert file.bar(0).turnover == Decimal("16.5")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("180000,11,11,11,11,1", "6 cells; there must be 7"),
        ("180000,11,11,11,11,1,1,1", "8 cells; there must be 7"),
        ("soon,11,11,11,11,1,1", "open_time_ms is 'soon'; it must be Unix milliseconds"),
        ("-180000,11,11,11,11,1,1", "open_time_ms is '-180000'"),
        ("180000,eleven,11,11,11,1,1", "open is 'eleven'; it must be plain decimal text such as 46319.5"),
        ("180000,11,1e3,11,11,1,1", "high is '1e3'"),
        ("180000,11,11,NaN,11,1,1", "low is 'NaN'"),
        ("180000,11,11,11,,1,1", "close is ''"),
        ("180000,11,11,11,11,-1,1", "volume is '-1'"),
        ("180000,11,11,11,11,1,x", "turnover is 'x'; it must be plain decimal text such as 2300413.7295, or empty"),
        ("180000,11,10,9,9.5,1,1", "open 11, high 10, low 9, close 9.5; open and close must lie between low and high"),
        ("180000,0,0,0,0,1,1", "and low above 0"),
        ("120000,11,11,11,11,1,1", "open_time_ms 120000 repeats the row before; rows must ascend in time"),
        ("60000,11,11,11,11,1,1", "open_time_ms 60000 comes after 120000; rows must ascend in time"),
        ("", "1 cells; there must be 7"),
    ],
)
def test_a_bad_row_is_named_with_its_line_its_value_and_what_is_allowed(
    tmp_path: Path, row: str, complaint: str
) -> None:
    path = recording(tmp_path, [*GOOD[:2], row, "300000,1,1,1,1,1,1"])

    with pytest.raises(RecordingError) as raised:
        read_recording(path)

    assert str(raised.value).startswith(f"{path}, line 4: ")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_bar_off_the_grid_is_named(tmp_path: Path) -> None:
    path = recording(tmp_path, ["60000,1,1,1,1,1,1", "120000,1,1,1,1,1,1", "210000,1,1,1,1,1,1"])

    with pytest.raises(
        RecordingError, match=r"line 4: open_time_ms 210000 is off the grid; the shortest step .* 60000"
    ):
        read_recording(path)


@pytest.mark.parametrize("header", ["", "time,open,high,low,close,volume", HEADER.upper(), HEADER + ",extra"])
def test_a_wrong_header_is_shown_with_the_right_one(tmp_path: Path, header: str) -> None:
    with pytest.raises(RecordingError) as raised:
        read_recording(recording(tmp_path, GOOD, header=header))

    assert "line 1: the header is" in str(raised.value)
    assert HEADER in str(raised.value)


def test_one_row_is_too_few_to_know_how_long_a_bar_is(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="has 1 rows; at least 2"):
        read_recording(recording(tmp_path, GOOD[:1]))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"there is no file .*nothing\.csv\.gz"):
        read_recording(str(tmp_path / "nothing.csv.gz"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [HEADER.encode(), b"", gzip.compress(HEADER.encode(), mtime=0)[:-9], b"\x1f\x8b\x08" + bytes(30)],
    ids=["plain text", "empty", "torn", "head only"],  # the bytes themselves would differ from process to process
)
def test_what_is_no_whole_gzip_file_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(content)

    with pytest.raises(RecordingError) as raised:
        read_recording(str(path))

    assert str(path) in str(raised.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(HEADER.encode() + b"\n\xff\xfe,1,1,1,1,1,1\n60000,1,1,1,1,1,1\n"))

    with pytest.raises(RecordingError, match="line 2: open_time_ms is"):
        read_recording(str(path))
