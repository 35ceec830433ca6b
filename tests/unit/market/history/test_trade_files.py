"""Files of trades become the candles that their trades make; what is wrong with a file is told with its line."""

from __future__ import annotations

import csv
import gzip
import io
import random
from pathlib import Path

import numpy as np
import pytest

from tradewright.core.instrument import Category
from tradewright.market.history.archive_names import dated, path_of
from tradewright.market.history.faults import BadCandles
from tradewright.market.history.files import read_rows
from tradewright.market.history.importing import Imported, import_candles
from tradewright.market.history.rows import PRICES, Rows
from tradewright.market.history.series import Series
from tradewright.market.history.source import opened, whole_lines
from tradewright.market.history.store import DataStore
from tradewright.market.history.trade_bars import FileBars, bars_of, rows_of_bars
from tradewright.market.history.trade_files import trades_of
from tradewright.strategy.timeframe import TIMEFRAMES, Timeframe, length_ms
from tradewright.system import SystemClock
from unit.market.history.trade_tapes import (
    CONTRACTS_HEADER,
    DAY,
    DAY_MS,
    SPOT_HEADER,
    Trade,
    by_open,
    candles,
    contracts_file,
    spot_file,
    tape,
    with_flat,
)

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"
MINUTE = 60_000
FIRST_MONDAY = 4 * DAY_MS


def bars(content: bytes, category: Category, timeframe: Timeframe = "1m") -> FileBars:
    with opened(io.BytesIO(content), name="a file") as stream:
        lines = whole_lines(stream, "a file")
        found = bars_of(trades_of(lines, category=category, symbol="BTCUSDT", name="a file"), timeframe, None, "a file")
    assert found is not None
    return found


def gzipped(*lines: str) -> bytes:
    return gzip.compress("\n".join([*lines, ""]).encode())


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@pytest.mark.parametrize("category", ["linear", "spot"])
def test_bars_of_both_shapes_are_those_that_a_loop_over_the_trades_makes(
    category: Category, timeframe: Timeframe
) -> None:
    trades = tape(7, span_ms=10 * DAY_MS if timeframe in ("1d", "1w") else DAY_MS)
    content = contracts_file(trades) if category == "linear" else spot_file(trades)
    origin = FIRST_MONDAY if timeframe == "1w" else 0
    assert by_open(rows_of_bars([bars(content, category, timeframe)])) == candles(trades, length_ms(timeframe), origin)


@pytest.mark.parametrize("category", ["linear", "spot"])
def test_a_file_from_the_newest_to_the_oldest_makes_the_same_bars(category: Category) -> None:
    trades = tape(8)
    write = contracts_file if category == "linear" else spot_file
    there, back = bars(write(trades), category), bars(write(trades[::-1]), category)
    assert (there.is_newest_first, back.is_newest_first) == (False, True)
    assert by_open(rows_of_bars([back])) == by_open(rows_of_bars([there]))


def test_rows_in_any_order_make_the_same_bars_where_no_two_are_at_one_moment() -> None:
    trades = [Trade(DAY * 10**6 + n * 10**9, str(100 + n * 37 % 101), "0.1") for n in range(3_000)]
    mixed = trades[:]
    random.Random(3).shuffle(mixed)
    assert by_open(rows_of_bars([bars(contracts_file(mixed), "linear")])) == candles(trades, MINUTE)


def test_a_file_of_many_pieces_is_one_file_wherever_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    trades = tape(9, span_ms=3 * MINUTE)
    whole = by_open(rows_of_bars([bars(contracts_file(trades), "linear")]))
    monkeypatch.setattr("tradewright.market.history.source.PIECE_BYTES", 1_000)
    monkeypatch.setattr("tradewright.market.history.trade_bars._TABLE_ROWS_MAX", 10)
    assert by_open(rows_of_bars([bars(contracts_file(trades), "linear")])) == whole == candles(trades, MINUTE)
    assert by_open(rows_of_bars([bars(contracts_file(trades[::-1]), "linear")])) == whole


def test_real_trades_make_the_candles_that_were_recorded_beside_them() -> None:
    """12,477 trades of a spot pair and the 2,469 candles that another program had of the same two days."""
    if not SHARED.exists():
        pytest.skip("the real series are not here")
    with gzip.open(SHARED / "xrpeth-spot-trades-2019-10.csv.gz", "rt") as file:
        recorded = list(csv.DictReader(file))
    rows = [f"{n},{row['time_ms']},{row['price']},{row['size']},{row['side']}" for n, row in enumerate(recorded)]
    made = rows_of_bars([bars(gzipped("id,timestamp,price,volume,side", *rows), "spot")])
    told = read_rows(SHARED / "xrpeth-spot-1m-2019-10.csv.gz")
    assert len(made) == len(told) == 2_469
    for name in (*PRICES, "volume", "open_time_ms"):
        assert (getattr(made, name) == getattr(told, name)).all(), name


def test_sums_are_exact_where_sums_of_doubles_are_not() -> None:
    trades = [Trade(DAY * 10**6 + n, "0.1", "0.1") for n in range(10)]
    (bar,) = by_open(rows_of_bars([bars(spot_file(trades), "spot")])).values()
    assert (bar[4], bar[5]) == (1.0, 0.1)
    assert sum([0.1] * 10) != 1.0


def test_numbers_as_doubles_print_them_are_taken_for_what_they_mean() -> None:
    rows = gzipped(SPOT_HEADER, f"1,{DAY},39439.22,0.00031099999999999997,buy,0", f"2,{DAY},1e2,1E-05,buy,0")
    (bar,) = by_open(rows_of_bars([bars(rows, "spot")])).values()
    assert (bar[1], bar[2], bar[4]) == (39439.22, 100.0, 0.000321)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2,x,1,1,buy,0", "line 3: timestamp is 'x'; it must be a number"),
        ("2,,1,1,buy,0", "line 3: timestamp is ''; it must be a number"),
        (
            "2,99999999999999,1,1,buy,0",
            "line 3: timestamp is 99999999999999, which is no time of trading in milliseconds",
        ),
        ("2,-5,1,1,buy,0", "line 3: timestamp is -5, which is no time of trading in milliseconds"),
        (f"2,{DAY // 10},1,1,buy,0", "line 3: timestamp is 170406720000, which is no time of trading in milliseconds"),
        (f"2,{DAY},0,1,buy,0", "line 3: price is 0; it must be positive"),
        (f"2,{DAY},-3,1,buy,0", "line 3: price is -3; it must be positive"),
        (f"2,{DAY},nan,1,buy,0", "line 3: price is 'nan'; it must be a number"),
        (f"2,{DAY},1_0,1,buy,0", "line 3: price is '1_0'; it must be a number"),
        (f"2,{DAY},1e400,1,buy,0", "line 3: price is 1e400; that is more than can be"),
        (f"2,{DAY},1,-1,buy,0", "line 3: volume is -1; it must not be negative"),
        (f"2,{DAY},1e6,1e7,buy,0", "line 3: the trade is worth 1.000e+13; at most 1e+12 can be"),
        (f"2,{DAY},1,0.0000001234567,buy,0", "line 3: volume is 0.0000001234567; at most 12 decimals are read"),
        ("2", "line 3: 1 cells, where the first line has 6"),
        (f'2,{DAY},1,1,bu"y,0', "line 3 or after: a quotation mark stands where none can"),
        (f"2,{DAY},1,1,buy", "line 3: 5 cells, where the first line has 6"),
        (f"2,{DAY},1,1,buy,0,1", "line 3: 7 cells, where the first line has 6"),
        (f'2,"{DAY},1,1,buy,0', "unexpected end of data"),
        (f'2,{DAY},1,1,"buy,0\n3,{DAY},1,1,buy",0', "line 3: a cell goes over its end"),
    ],
)
def test_a_line_that_cannot_be_is_told_with_its_place(line: str, said: str) -> None:
    with pytest.raises(BadCandles) as caught:
        bars(gzipped(SPOT_HEADER, f"1,{DAY},1,1,buy,0", line), "spot")
    assert caught.value.code == "bad_file"
    assert said in caught.value.message


def test_the_line_is_counted_over_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewright.market.history.source.PIECE_BYTES", 200)
    good = [f"{n},{DAY + n},1,1,buy,0" for n in range(500)]
    with pytest.raises(BadCandles, match="line 402: price is 'zero'"):
        bars(gzipped(SPOT_HEADER, *good[:400], f"9,{DAY},zero,1,buy,0", *good[400:]), "spot")


def test_blank_lines_and_quoted_commas_are_no_fault() -> None:
    content = gzipped(SPOT_HEADER, f'1,{DAY},5,1,"a,b",0', "", f"2,{DAY},6,1,buy,0", "")
    assert bars(content, "spot").trades == 2


def test_trades_of_another_symbol_are_refused() -> None:
    with pytest.raises(BadCandles, match="line 2: symbol is 'ETHUSDT', and BTCUSDT was asked for"):
        bars(contracts_file(tape(1, count=5), "ETHUSDT"), "linear")


def test_an_inverse_contracts_sizes_are_never_taken_for_base_coin() -> None:
    row = f"{DAY // 1000}.5,BTCUSDT,Buy,100,40000,PlusTick,a,250000,0.0025,100,0"
    with pytest.raises(BadCandles, match="inverse contract"):
        bars(gzipped(CONTRACTS_HEADER, row), "linear")


def test_trades_of_the_other_category_are_refused() -> None:
    with pytest.raises(BadCandles, match="has trades of spot, and linear was asked for"):
        bars(spot_file(tape(1, count=5)), "linear")


@pytest.mark.parametrize("content", [b"", b"<html>Sorry</html>\n", gzip.compress(b"a,b\n1,2\n", mtime=0)])
def test_what_is_no_file_of_trades_is_told_by_its_first_line(content: bytes) -> None:
    with pytest.raises(BadCandles, match="is no file of trades of Bybit's archive: its first line is"):
        bars(content, "spot")


def test_a_first_line_that_is_no_csv_is_told() -> None:
    with pytest.raises(BadCandles, match="a file, line 1 names no columns"):
        bars(b"id,timestamp,pri\rce,volume,side\n", "spot")


def test_a_gzip_file_that_is_cut_is_refused() -> None:
    content = contracts_file(tape(1))
    with pytest.raises(BadCandles, match="a file is not a whole gzip file"):
        bars(content[: len(content) // 2], "linear")


@pytest.mark.parametrize("text", ["BTCUSDT2024-02-30.csv.gz", "btcusdt2024-01-01.csv.gz", "BTCUSDT-2024-01-01.csv.gz"])
def test_names_that_are_not_the_archives_say_nothing(text: str) -> None:
    assert dated(text) is None


def test_the_archives_names_say_listing_and_span() -> None:
    assert path_of("linear", "1000PEPEUSDT", DAY) == "trading/1000PEPEUSDT/1000PEPEUSDT2024-01-01.csv.gz"
    assert path_of("spot", "BTCUSDT", DAY) == "spot/BTCUSDT/BTCUSDT_2024-01-01.csv.gz"
    for category in ("linear", "spot"):
        found = dated("/somewhere/" + path_of(category, "1000PEPEUSDT", DAY))
        assert found is not None
        assert (found.category, found.symbol) == (category, "1000PEPEUSDT")
        assert (found.span.first_ms, found.span.end_ms) == (DAY, DAY + DAY_MS)
    month = dated("BTCUSDT-2023-12.csv.gz")
    assert month is not None
    assert (month.category, month.span.first_ms, month.span.end_ms) == ("spot", DAY - 31 * DAY_MS, DAY)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = DataStore(folder / "data", SystemClock())

    def take(self, name: str, content: bytes, category: Category, timeframe: Timeframe | None = None) -> Imported:
        path = self.folder / name
        path.write_bytes(content)
        return import_candles(self.store, path, category=category, symbol="BTCUSDT", timeframe=timeframe)

    def rows(self, category: Category, timeframe: Timeframe = "1m") -> Rows:
        found = self.store.read(Series(category=category, symbol="BTCUSDT", timeframe=timeframe))
        assert found is not None
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_days_file_makes_a_whole_day_from_its_first_trade_with_flat_minutes(desk: Desk) -> None:
    trades = tape(11, first_ms=DAY + 90 * MINUTE, span_ms=20 * 3_600_000)
    done = desk.take("BTCUSDT2024-01-01.csv.gz", contracts_file(trades), "linear")
    made = candles(trades, MINUTE)
    expected = with_flat(made, MINUTE, DAY + DAY_MS)
    assert by_open(desk.rows("linear")) == expected
    assert done.added.manifest.gaps == 0
    assert done.notes[0] == "candles of 1m were made of 2000 trades"
    assert f"{len(expected) - len(made)} of {len(expected)} bars had no trade and are flat" in done.notes[1]


def test_days_that_follow_each_other_touch(desk: Desk) -> None:
    for day in (1, 2):
        trades = tape(day, first_ms=DAY + (day - 1) * DAY_MS, count=20_000)
        desk.take(f"BTCUSDT_2024-01-0{day}.csv.gz", spot_file(trades), "spot")
    rows = desk.rows("spot")
    assert len(rows) == 2 * 1_440 - (int(rows.open_time_ms[0]) - DAY) // MINUTE
    assert (np.diff(rows.open_time_ms) == MINUTE).all()


def test_trades_beside_the_day_that_a_file_is_named_for_are_left_out_and_told(desk: Desk) -> None:
    trades = [*tape(12), Trade((DAY + DAY_MS) * 10**6, "9.5", "1")]
    done = desk.take("BTCUSDT2024-01-01.csv.gz", contracts_file(trades), "linear")
    assert "1 trades are not of the span that the file is named for, and were left out" in done.notes
    rows = desk.rows("linear")
    assert int(rows.open_time_ms[-1]) == DAY + DAY_MS - MINUTE
    assert float(rows.low.min()) > 9.5


def test_of_a_file_whose_ends_nobody_knows_neither_its_first_nor_its_last_bar_is_taken(desk: Desk) -> None:
    trades = tape(13, first_ms=DAY + 30_000, span_ms=3_600_000)
    done = desk.take("some.csv", gzip.decompress(contracts_file(trades)), "linear", "5m")
    expected = candles(trades, 5 * MINUTE)
    del expected[DAY], expected[DAY + 3_600_000]
    assert by_open(desk.rows("linear", "5m")) == expected
    assert any("may lack trades and were left out" in note for note in done.notes)


def test_a_file_is_refused_for_another_listing_than_its_name_says(desk: Desk) -> None:
    with pytest.raises(BadCandles, match="is called as trades of ETHUSDT"):
        desk.take("ETHUSDT_2024-01-01.csv.gz", spot_file(tape(1)), "spot")
    with pytest.raises(BadCandles, match="none of them is of the span that it is named for"):
        desk.take("BTCUSDT_2023-01-01.csv.gz", spot_file(tape(1)), "spot")
    with pytest.raises(BadCandles, match="has no whole bar of 1w"):
        desk.take("BTCUSDT_2024-01-01.csv.gz", spot_file(tape(1)), "spot", "1w")
    with pytest.raises(BadCandles, match="has the columns of trades, and no trade"):
        desk.take("BTCUSDT_2024-01-01.csv.gz", gzipped(SPOT_HEADER), "spot")
    assert desk.store.all() == []


def test_what_candles_are_made_of_does_not_matter_to_what_they_say(desk: Desk) -> None:
    """The same trades by the minute and by the hour: the hours are those of the minutes."""
    trades = tape(14, count=30_000)
    desk.take("BTCUSDT2024-01-01.csv.gz", contracts_file(trades), "linear")
    desk.take("BTCUSDT2024-01-01.csv.gz", contracts_file(trades), "linear", "1h")
    minutes, hours = desk.rows("linear"), desk.rows("linear", "1h")
    for at, opens in enumerate(hours.open_time_ms):
        inside = minutes.take((minutes.open_time_ms >= opens) & (minutes.open_time_ms < opens + 60 * MINUTE))
        assert (hours.high[at], hours.low[at]) == (inside.high.max(), inside.low.min())
        assert (hours.open[at], hours.close[at]) == (inside.open[0], inside.close[-1])
