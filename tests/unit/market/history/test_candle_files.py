"""Candles from files: one meaning whatever the file is, and every kind of fault with its count and first times."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewright.market.history.faults import BadCandles, CannotOpen
from tradewright.market.history.files import read, read_candles, read_rows
from tradewright.market.history.hashing import data_sha256
from tradewright.market.history.rows import COLUMNS

DATA = Path(__file__).resolve().parents[3] / "data"
MINUTES = DATA / "btcusdt-linear-1m-sample.csv.gz"
QUARTERS = DATA / "ethusdt-linear-15m-sample.csv.gz"
HEADER = "open_time_ms,open,high,low,close,volume,turnover"
MINUTE = 60_000
BAR = "10,12,9,11,5,55"


def csv(*rows: str, header: str = HEADER) -> io.BytesIO:
    return io.BytesIO("\n".join([header, *rows, ""]).encode())


def bars(*minutes: float, cells: str = BAR) -> io.BytesIO:
    return csv(*(f"{int(minute * MINUTE)},{cells}" for minute in minutes))


def faults(source: io.BytesIO, *, fill_gaps: bool = False) -> dict[str, tuple[int, list[float]]]:
    """Of each kind how often, and at which minutes."""
    with pytest.raises(BadCandles) as caught:
        read_candles(source, "1m", fill_gaps=fill_gaps)
    assert caught.value.code == caught.value.faults[0].code
    return {one.code: (one.count, [time / MINUTE for time in one.times]) for one in caught.value.faults}


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored() -> None:
    found = read_candles(
        csv("noon,2,120000,9,10,12,11", "x,3,180000,9,11,13,12", header="note,volume,open_time_ms,low,open,high,close"),
        "1m",
    )
    assert found.open_time_ms.tolist() == [120_000, 180_000]
    assert found.open.tolist() == [10, 11]
    assert (found.high[1], found.low[1], found.close[1], found.volume[1]) == (13, 9, 12, 3)
    assert math.isnan(found.turnover[0])


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\r\n0,{BAR}\r\n60000,{BAR}\r\n",  # a mark of the byte order, and line ends of Windows
        f"{HEADER}\n0,{BAR}\n60000,{BAR}",  # no end of the last line
        f'"open_time_ms",open,high,low,close,volume,turnover\n"0","10",12,9,11,5,55\n60000,{BAR}\n',
        f"{HEADER}\n0, 10 ,12.0,+9,1.1e1,05,55\n\n60000,{BAR}\n\n\n",
        f"{HEADER}\n0.0,{BAR}\n6e4,{BAR}\n",
    ],
)
def test_a_number_may_be_written_as_people_write_numbers(text: str) -> None:
    found = read_candles(io.BytesIO(text.encode()), "1m")
    assert found.open_time_ms.tolist() == [0, MINUTE]
    assert [column[0] for column in (found.open, found.high, found.low, found.close)] == [10, 12, 9, 11]
    assert found.turnover.tolist() == [55, 55]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.decimals(min_value="1e-12", max_value="1e12", allow_nan=False), min_size=1, max_size=40))
def test_a_price_is_the_double_nearest_to_its_text(prices: Sequence[Decimal]) -> None:
    found = read_rows(csv(*(f"{i * MINUTE},{price},{price},{price},{price},1," for i, price in enumerate(prices))))
    assert found.close.tolist() == [float(str(price)) for price in prices]


CELLS = st.one_of(
    st.decimals(min_value="-1e15", max_value="1e15", allow_nan=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["", "0", "-0", "007", "1.", ".5", "1e5", " 2 ", "nan", "inf"]),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=3))
def test_the_quick_reader_and_the_one_that_reads_cell_by_cell_say_the_same(table: Sequence[Sequence[str]]) -> None:
    lines = [",".join([str(i * MINUTE), *cells]) for i, cells in enumerate(table)]
    quoted = [f'"{i * MINUTE}",' + ",".join(f'"{cell}"' for cell in cells) for i, cells in enumerate(table)]
    one, other = read_rows(csv(*lines)), read_rows(csv(*quoted))  # with quotes it is nothing for the quick one
    for name in COLUMNS:
        left, right = getattr(one, name), getattr(other, name)
        # What is no finite number is none in either: 1e999 may be an infinity in one and unknown in the other.
        assert np.array_equal(np.nan_to_num(left, posinf=0, neginf=0), np.nan_to_num(right, posinf=0, neginf=0)), name


def test_an_empty_turnover_is_unknown_and_an_empty_price_is_no_price() -> None:
    found = read_candles(csv("0,10,12,9,11,5,", "60000,10,12,9,11,5,7"), "1m")
    assert math.isnan(found.turnover[0])
    assert found.turnover[1] == 7
    assert faults(csv("0,10,12,9,11,5,", "60000,10,12,,11,5,7")) == {"bad_candle": (1, [1])}


def as_gzip(csv_bytes: bytes, _: polars.DataFrame) -> bytes:
    return gzip.compress(csv_bytes)


def as_csv(csv_bytes: bytes, _: polars.DataFrame) -> bytes:
    return csv_bytes


def as_parquet(_: bytes, table: polars.DataFrame) -> bytes:
    table.write_parquet(target := io.BytesIO())
    return target.getvalue()


def as_feather(_: bytes, table: polars.DataFrame) -> bytes:
    table.write_ipc(target := io.BytesIO())
    return target.getvalue()


def as_parquet_of_texts(_: bytes, table: polars.DataFrame) -> bytes:
    table.with_columns(polars.col("close").cast(polars.String)).write_parquet(target := io.BytesIO())
    return target.getvalue()


def as_parquet_with_moments(_: bytes, table: polars.DataFrame) -> bytes:
    moments = polars.from_epoch("open_time_ms", time_unit="ms").dt.cast_time_unit("us")
    table.with_columns(moments).write_parquet(target := io.BytesIO())
    return target.getvalue()


@pytest.mark.parametrize(
    "pack", [as_csv, as_gzip, as_parquet, as_feather, as_parquet_of_texts, as_parquet_with_moments]
)
@pytest.mark.parametrize("as_file", [True, False])
def test_the_same_candles_have_the_same_hash_whatever_file_they_came_in(
    pack: Callable[[bytes, polars.DataFrame], bytes], as_file: bool, tmp_path: Path
) -> None:
    plain = gzip.decompress(MINUTES.read_bytes())
    content = pack(plain, polars.read_csv(plain))
    if as_file:
        (tmp_path / "named-as-it-likes").write_bytes(content)
        found = read_candles(tmp_path / "named-as-it-likes", "1m")
    else:
        found = read_candles(io.BytesIO(content), "1m")
    assert len(found) == 4_320
    assert data_sha256(found) == hash_by_its_definition(plain.decode(), "1m")


def hash_by_its_definition(text: str, timeframe: str) -> str:
    """As the docstring of `hashing` says it, one number after another."""
    header, *lines = text.splitlines()
    assert header == HEADER
    columns = list(zip(*(line.split(",") for line in lines), strict=True))
    content = f"tradewright candles 1\n{timeframe}\n{len(lines)}\n".encode()
    content += struct.pack(f"<{len(lines)}q", *map(int, columns[0]))
    for column in columns[1:]:
        content += struct.pack(f"<{len(lines)}d", *map(float, column))
    return hashlib.sha256(content).hexdigest()


def test_another_number_is_another_hash_and_a_negative_zero_is_none() -> None:
    one = data_sha256(read_candles(bars(0, 1), "1m"))
    assert data_sha256(read_candles(bars(0, 1, cells="10,12,9,11,5,56"), "1m")) != one
    assert data_sha256(read_candles(bars(0, 1, cells="10,12,9,11,0,55"), "1m")) == data_sha256(
        read_candles(bars(0, 1, cells="10,12,9,11,-0,55"), "1m")
    )


def test_standard_input_is_read_where_the_name_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(bars(0, 1, 2)))
    monkeypatch.setattr("sys.stdin", stdin)
    assert len(read_candles("-", "1m")) == 3
    assert not stdin.buffer.closed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (bars(), {"no_candles": (1, [])}),
        (bars(-1, 0, 1), {"bad_file": (1, [-1])}),
        (bars(0, 1, 3, 4, 5, 9), {"gap": (2, [2, 6])}),
        (bars(0, 1, 1, 2, 3), {"duplicate": (1, [1])}),
        (bars(0, 2, 1, 3), {"disorder": (1, [1])}),
        (bars(0, 1, 2, 1, 3), {"duplicate": (1, [1])}),  # seen before: a duplicate, wherever it stands
        (bars(3, 2, 1, 0), {"disorder": (3, [2, 1, 0])}),
        (bars(0, 1, 3, 2, 6, 6, 7, 8), {"disorder": (1, [2]), "duplicate": (1, [6]), "gap": (1, [4])}),
        (bars(0, 5, 10), {"wrong_timeframe": (3, [0, 5, 10])}),
        (bars(0, 1, 2, 2.5, 3), {"wrong_timeframe": (1, [2.5])}),
        (bars(0, 1, 2, cells="10,8,9,11,5,"), {"bad_candle": (3, [0, 1, 2])}),
        (bars(0, 1, cells="0,12,9,11,5,"), {"bad_candle": (2, [0, 1])}),
        (bars(0, 1, cells="-10,12,9,11,5,"), {"bad_candle": (2, [0, 1])}),
        (bars(0, 1, cells="nan,12,9,11,5,"), {"bad_candle": (2, [0, 1])}),
        (bars(0, 1, cells="10,inf,9,11,5,"), {"bad_candle": (2, [0, 1])}),
        (bars(0, 1, cells="10,1e999,9,11,5,"), {"bad_candle": (2, [0, 1])}),
        (bars(0, 1, cells="10,12,9,11,-5,"), {"bad_candle": (2, [0, 1])}),
        (bars(0, 1, cells="10,12,9,11,,"), {"bad_candle": (2, [0, 1])}),
        (bars(*range(0, 120, 2), 120, 121, *range(122, 300)), {"gap": (60, [*range(1, 41, 2)])}),
    ],
)
def test_every_kind_of_fault_is_told_with_its_count_and_its_first_twenty_times(
    source: io.BytesIO, expected: dict[str, tuple[int, list[float]]]
) -> None:
    assert faults(source) == expected


def test_times_in_seconds_are_told_as_what_they_are() -> None:
    with pytest.raises(BadCandles, match=r"look like seconds") as caught:
        read_candles(csv(*(f"{1_700_000_000 + i * 60},{BAR}" for i in range(5))), "1m")
    assert caught.value.code == "wrong_timeframe"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (b"", r"is empty"),
        (b"open_time_ms,open,high,low,close\n0,1,1,1,1\n", r"no column volume; .*open_time_ms,open,high,low,close"),
        (f"{HEADER},close\n0,{BAR},3\n".encode(), r"column close more than once"),
        (b"time_ms,id,side,price,size\n1,2,Buy,3,4\n", r"no column open_time_ms"),
        (f"{HEADER}\n0,{BAR}\n60000,10,12,9,11,5\n".encode(), r"line 3: 6 cells, where the first line has 7"),
        (f"{HEADER}\n0,{BAR}\n60000,ten,12,9,11,5,\n".encode(), r"line 3: open is 'ten'; it must be a number"),
        (f"{HEADER}\n0,{BAR}\n60000,0x10,12,9,11,5,\n".encode(), r"line 3: open is '0x10'"),
        (f"{HEADER}\n0,{BAR}\n60000,1_0,12,9,11,5,\n".encode(), r"line 3: open is '1_0'"),
        (f"{HEADER}\n0,{BAR}\n2024-01-01,{BAR}\n".encode(), r"line 3: open_time_ms is '2024-01-01'"),
        (f"{HEADER}\n0,{BAR}\n,{BAR}\n".encode(), r"line 3: open_time_ms is ''; .*Unix milliseconds"),
        (f"{HEADER}\n0,{BAR}\n0.5,{BAR}\n".encode(), r"line 3: open_time_ms is '0.5'"),
        (f"{HEADER}\n0,{BAR}\n99999999999999999999,{BAR}\n".encode(), r"line 3: open_time_ms is '9999"),
        (b"\xff\xfe\x00binary", r"neither CSV"),
        (f"{HEADER}\n0,".encode() + b"\xff,1,1,1,1,1\n", r"line 2 is not UTF-8"),
        (f'{HEADER}\n0,{BAR}\n"60000,{BAR}\n'.encode(), r"line 4: unexpected end of data"),
        (b"x" * 100_000 + b"\n" + b"y" * 2_000_000, r"a line of more than|no column"),
        (gzip.compress(f"{HEADER}\n0,{BAR}\n".encode(), mtime=0)[:-9], r"not a whole gzip"),
        (b"PAR1 and no more", r"not a complete Parquet"),
        (b"ARROW1 and no more", r"not a complete Feather"),
    ],
    ids=lambda value: "file" if isinstance(value, bytes) else value,  # the bytes would be the name, all of them
)
def test_what_is_no_candle_file_is_told_with_its_place(source: bytes, told: str) -> None:
    with pytest.raises(BadCandles, match=told) as caught:
        read_candles(io.BytesIO(source), "1m")
    assert (caught.value.code, caught.value.count, caught.value.times) == ("bad_file", 1, ())


def test_the_fault_in_a_later_piece_of_a_long_file_has_its_own_line() -> None:
    rows = [f"{i * MINUTE},{BAR}" for i in range(60_000)]
    rows[55_555] = f"{55_555 * MINUTE},ten,12,9,11,5,"
    with pytest.raises(BadCandles, match=r"line 55557: open is 'ten'"):
        read_candles(csv(*rows), "1m")


def test_a_parquet_column_of_something_else_is_a_fault_of_the_file() -> None:
    table = polars.DataFrame(
        {"open_time_ms": [0], "open": [True], "high": [1], "low": [1], "close": [1], "volume": [1]}
    )
    with pytest.raises(BadCandles, match=r"open is Boolean; it must be numbers") as caught:
        read_candles(io.BytesIO(as_parquet(b"", table)), "1m")
    assert caught.value.code == "bad_file"


@pytest.mark.parametrize("name", ["is/not/there.csv", "nul\0name", "."])
def test_a_file_that_cannot_be_opened_is_another_fault_than_a_bad_one(name: str) -> None:
    with pytest.raises(CannotOpen):
        read_candles(name, "1m")


def test_gaps_are_mended_with_flat_bars_at_the_last_close_and_nothing_else_is() -> None:
    found = read(bars(0, 1, 4), "1m", fill_gaps=True)
    candles = found.candles
    assert found.filled_bars == 2
    assert candles.open_time_ms.tolist() == [0, 60_000, 120_000, 180_000, 240_000]
    for column in (candles.open, candles.high, candles.low, candles.close):
        assert column[2:4].tolist() == [11, 11]
    assert candles.volume.tolist() == [5, 5, 0, 0, 5]
    assert candles.turnover.tolist() == [55, 55, 0, 0, 55]
    assert faults(bars(0, 1, 1, 4), fill_gaps=True) == {"duplicate": (1, [1]), "gap": (1, [2])}
    assert faults(bars(0, 1, 4, cells="0,1,1,1,1,"), fill_gaps=True)["bad_candle"] == (3, [0, 1, 4])


def test_a_hole_of_centuries_is_not_filled() -> None:
    with pytest.raises(BadCandles, match=r"is a time wrong\?") as caught:
        read_candles(bars(0, 1, 2, 4_000_000_000), "1m", fill_gaps=True)
    assert caught.value.code == "gap"


def test_a_recording_with_hours_missing_is_refused_and_can_be_mended() -> None:
    with pytest.raises(BadCandles) as caught:
        read_candles(QUARTERS, "15m")
    assert (caught.value.code, caught.value.count) == ("gap", 12)
    assert read(QUARTERS, "15m", fill_gaps=True).filled_bars == 48


def test_minutes_without_a_trade_are_gaps_of_the_real_recording() -> None:
    recorded = DATA.parents[2] / "shared" / "data" / "xrpeth-spot-1m-2019-10.csv.gz"
    if not recorded.exists():
        pytest.skip("the real series are not here")
    with pytest.raises(BadCandles) as caught:
        read_candles(recorded, "1m")
    assert (caught.value.code, caught.value.count) == ("gap", 676)
