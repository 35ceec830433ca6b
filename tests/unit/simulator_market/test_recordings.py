"""Every kind of recording is told by its columns and checked row by row; what is wrong is said in one sentence."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradewright.simulator.market import MarketSpecError, RecordingError
from tradewright.simulator.market.recorded.book_file import BookFile
from tradewright.simulator.market.recorded.candle_file import CandleFile
from tradewright.simulator.market.recorded.funding_file import FundingFile
from tradewright.simulator.market.recorded.quote_file import QuoteFile
from tradewright.simulator.market.recorded.recording import read_recording
from tradewright.simulator.market.recorded.trade_file import TradeFile
from unit.simulator_market.samples import (
    FUNDING,
    FUNDING_HEADER,
    HEADER,
    ORDER_BOOK,
    QUARTERS,
    QUOTE_HEADER,
    QUOTES,
    SAMPLE,
    TRADE_HEADER,
    TRADES,
    recording,
    replays,
)

TRADE = "60000,a-1,Buy,10.5,0.25"
QUOTE = "60000,10.4,1.5,10.5,0.25"
RATE = "28800000,0.0001"


def message(**changes: Any) -> str:
    """A line of an archive; `changes` replace its fields, those of `data` by their own names."""
    data = {"s": "XYZUSDT", "b": [["10.1", "5"], ["10.0", "2"]], "a": [["10.2", "3"]], "u": 7, "seq": 70}
    line = {"topic": "orderbook.50.XYZUSDT", "type": "snapshot", "ts": 1_003, "data": data, "cts": 1_000}
    for name, value in changes.items():
        (data if name in data else line)[name] = value
    return json.dumps(line)


def delta(u: int, **changes: Any) -> str:
    return message(type="delta", u=u, seq=u * 10, **{"b": [], "a": [], "ts": 1_103, "cts": 1_100, **changes})


def archive(folder: Path, *lines: str) -> str:
    return recording(folder, lines[1:], header=lines[0], name="anything.bin")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (SAMPLE, CandleFile),
        (QUARTERS, CandleFile),
        (TRADES, TradeFile),
        (QUOTES, QuoteFile),
        (ORDER_BOOK, BookFile),
        (FUNDING, FundingFile),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value.__name__,
)
def test_a_kind_is_told_by_the_columns_and_not_by_the_name(tmp_path: Path, path: Path, kind: type) -> None:
    renamed = tmp_path / "candles-of-nothing.txt"
    renamed.write_bytes(path.read_bytes())

    file = read_recording(str(renamed))

    assert isinstance(file, kind)
    assert len(file) == len(gzip.decompress(path.read_bytes()).splitlines()) - (kind is not BookFile)


def test_an_unknown_table_is_shown_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as raised:
        read_recording(recording(tmp_path, ["1,2,3"], header="time,bid,ask"))

    for words in ("line 1: the header is 'time,bid,ask'", TRADE_HEADER, QUOTE_HEADER, FUNDING_HEADER, HEADER):
        assert words in str(raised.value)
    assert "Bybit's order-book archive" in str(raised.value)


@pytest.mark.parametrize(
    ("header", "good", "row", "complaint"),
    [
        (TRADE_HEADER, TRADE, "60001,a-2,Buy,10.5", "4 cells; there must be 5"),
        (TRADE_HEADER, TRADE, "now,a-2,Buy,10.5,1", "time_ms is 'now'; it must be Unix milliseconds"),
        (TRADE_HEADER, TRADE, "60001,,Buy,10.5,1", "id is ''; it must be 1 to 64 visible characters"),
        (TRADE_HEADER, TRADE, "60001,a-2,buy,10.5,1", "side is 'buy'; it must be Buy or Sell (the taker's side)"),
        (TRADE_HEADER, TRADE, "60001,a-2,Sell,1e5,1", "price is '1e5'; it must be plain decimal text such as 46319.5"),
        (TRADE_HEADER, TRADE, "60001,a-2,Sell,10.5,-1", "size is '-1'; it must be plain decimal text such as 0.0031"),
        (TRADE_HEADER, TRADE, "60001,a-2,Sell,0.0,1", "price is 0.0; it must be above 0"),
        (TRADE_HEADER, TRADE, "59999,a-2,Sell,10.5,1", "time_ms 59999 comes after 60000; rows must ascend in time"),
        (QUOTE_HEADER, QUOTE, "60001,10.5,1,10.4,1", "bid 10.5 is above ask 10.4; a quote must not be crossed"),
        (QUOTE_HEADER, QUOTE, "60001,10.4,,10.5,1", "bid_size is ''; it must be plain decimal text"),
        (QUOTE_HEADER, QUOTE, "60001,10.4,1,10.5,0", "ask_size is 0; it must be above 0"),
        (QUOTE_HEADER, QUOTE, "1,10.4,1,10.5,1", "time_ms 1 comes after 60000"),
        (FUNDING_HEADER, RATE, "57600000,1.5", "funding_rate is '1.5'; it must be a fraction such as 0.0001 or -0.002"),
        (FUNDING_HEADER, RATE, "28800000,0.0001", "funding_time_ms 28800000 repeats the row before"),
    ],
)
def test_a_bad_row_is_named_with_its_line_its_value_and_what_is_allowed(
    tmp_path: Path, header: str, good: str, row: str, complaint: str
) -> None:
    path = recording(tmp_path, [good, row], header=header)

    with pytest.raises(RecordingError) as raised:
        read_recording(path)

    assert str(raised.value).startswith(f"{path}, line 3: ")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([delta(7)], "line 1: the type is 'delta'; an archive begins with a snapshot"),
        ([message(), "{"], "line 2: no order-book message"),
        ([message(), message(topic="orderbook.50.ABCUSDT", s="ABCUSDT")], "all messages must be of 'orderbook.50.XYZ"),
        ([message(topic="orderbook.50.ABCUSDT")], "topic 'orderbook.50.ABCUSDT' of symbol 'XYZUSDT'"),
        ([message(), delta(9)], "line 2: u is 9 after 7; a delta follows its predecessor without a gap"),
        ([message(), delta(8, cts=999)], "line 2: cts 999 comes after 1000; rows must ascend in time"),
        ([message(), delta(8, b=[["10.2", "1"]])], "line 2: the message leaves bid 10.2 at or above ask 10.2"),
        ([message(), delta(8, a=[["10.2", "0"]])], "line 2: the message leaves 2 bids and 0 asks"),
        ([message(b=[["ten", "1"]])], "line 1: the level ['ten', '1'] must be price and size as plain decimal text"),
        ([message(b=[["10", "1", "2"]])], "line 1: no order-book message"),
    ],
)
def test_an_archive_is_applied_once_before_it_is_played(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(RecordingError) as raised:
        read_recording(archive(tmp_path, *lines))

    assert complaint in str(raised.value)


def test_an_archive_may_begin_anew_in_the_middle(tmp_path: Path) -> None:
    file = read_recording(
        archive(tmp_path, message(), delta(8), message(u=1, ts=2_000, cts=2_000), delta(2, cts=2_100))
    )

    assert len(file) == 4


@pytest.mark.parametrize("header", [TRADE_HEADER, QUOTE_HEADER, FUNDING_HEADER])
def test_a_recording_without_rows_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(RecordingError, match="has 0 rows; at least 1"):
        read_recording(recording(tmp_path, [], header=header))


@pytest.mark.parametrize("path", [SAMPLE, QUARTERS, TRADES, QUOTES, FUNDING], ids=lambda path: path.name)
def test_a_parquet_table_is_the_same_recording(tmp_path: Path, path: Path) -> None:
    import polars

    table = polars.read_csv(gzip.decompress(path.read_bytes()), schema_overrides={"id": polars.String})
    table.write_parquet(tmp_path / "table")

    file, original = read_recording(str(tmp_path / "table")), read_recording(str(path))

    assert type(file) is type(original)
    assert file.digest == original.digest


def test_the_library_of_parquet_costs_nobody_else_a_start() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", "import sys, tradewright.simulator; print('polars' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert seen.stdout == "False\n"


def test_parquet_keeps_decimals_moments_and_nothing(tmp_path: Path) -> None:
    import polars

    table = polars.DataFrame(
        {
            "open_time_ms": polars.Series([60_000, 120_000]).cast(polars.Datetime("ms", "UTC")),
            "open": [Decimal("1.10"), Decimal("1.20")],
            "high": [1.5, 2e3],
            "low": [1e-7, 1.0],
            "close": [1.25, 1.0],
            "volume": [3, 4],
            "turnover": [None, 2.5],
        },
        schema_overrides={"turnover": polars.Float64},
    )
    table.write_parquet(tmp_path / "table")

    file = read_recording(str(tmp_path / "table"))

    assert isinstance(file, CandleFile)
    assert [str(value) for value in (file.bar(0).open, file.bar(0).low, file.bar(1).high)] == ["1.10", "1E-7", "2000"]
    assert (file.time_ms(1), file.bar(0).turnover, file.bar(1).turnover) == (120_000, Decimal("3.75"), Decimal("2.5"))


def test_a_torn_parquet_file_and_an_odd_column_are_named(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "table"
    polars.DataFrame({"funding_time_ms": [1], "funding_rate": [True]}).write_parquet(path)
    with pytest.raises(RecordingError, match="line 2: funding_rate is a bool; it must be a number, a text or a moment"):
        read_recording(str(path))

    polars.DataFrame({f"c{number}": [1] for number in range(8)}).write_parquet(tmp_path / "wide")
    with pytest.raises(RecordingError, match="has 8 columns; a recording has at most 7"):
        read_recording(str(tmp_path / "wide"))

    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecordingError, match="is not a complete Parquet file"):
        read_recording(str(path))


def test_the_filters_of_an_unlisted_symbol_come_from_its_rows(tmp_path: Path) -> None:
    trades = recording(tmp_path, ["60000,1,Buy,0.00141342,23", "60001,2,Sell,0.001413,0.5"], header=TRADE_HEADER)

    [pair] = replays(f"{trades}@spot:XYZETH").instruments

    assert (pair.category, pair.base_coin, pair.quote_coin, pair.settle_coin) == ("spot", "XYZ", "ETH", "")
    assert (pair.tick_size, pair.min_price, pair.qty_step) == (Decimal("1E-8"), Decimal("1E-8"), Decimal("0.1"))
    [contract] = replays(f"{QUARTERS}@linear:ABCUSDT").instruments
    assert (contract.base_coin, contract.settle_coin, contract.tick_size) == ("ABC", "USDT", Decimal("0.01"))
    assert contract.funding_interval_min == 480


def test_the_noise_of_floats_makes_no_tick(tmp_path: Path) -> None:
    rows = ["60000,0.09946999000000001,0.0998,0.09850000000000001,0.0997,1,", "120000,0.1,0.1,0.1,0.1,1,"]

    market = replays(f"{recording(tmp_path, rows)}@spot:XYZBTC", from_ms=60_000)
    market.advance(60_000)

    assert market.instruments[0].tick_size == Decimal("1E-8")
    assert market.last_price("spot:XYZBTC") == Decimal("0.09946999000000001")  # told as recorded
    assert market.book("spot:XYZBTC").bids[0][0] == Decimal("0.09946999")  # traded on the tick


@pytest.mark.parametrize(
    ("targets", "complaint"),
    [
        ([f"{FUNDING}@linear:ETHUSDT"], "(funding) alone, which has no prices"),
        (
            [f"{QUARTERS}@spot:ETHUSDT", f"{FUNDING}@spot:ETHUSDT"],
            "(funding); spot has none, give it to linear:ETHUSDT",
        ),
        ([f"{ORDER_BOOK}@linear:ETHUSDT"], "holds the order book of BTCUSDT, but is given to linear:ETHUSDT"),
        ([f"{ORDER_BOOK}@linear:BTCUSDT", f"{QUOTES}@linear:BTCUSDT"], "(order book) and"),
        ([f"{TRADES}@linear:BTCUSDT"] * 2, "a symbol has one recording of each kind"),
    ],
)
def test_recordings_that_do_not_go_together_are_refused(targets: list[str], complaint: str) -> None:
    with pytest.raises(MarketSpecError) as raised:
        replays(*targets)

    assert complaint in str(raised.value)


def test_recordings_of_different_days_do_not_start_together() -> None:
    with pytest.raises(ValueError, match=r"would start together at 2024-.*, outside of .*15m"):
        replays(f"{TRADES}@linear:BTCUSDT", f"{QUARTERS}@linear:ETHUSDT")


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewright.simulator.market.recorded.rows.BYTES_MAX", 1_000)

    with pytest.raises(RecordingError, match="is longer than 1000 bytes unpacked; give a part of it"):
        read_recording(recording(tmp_path, ["x" * 2_000]))
