"""Candle files of others: what is guessed is told, what is no candles is refused by its name."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import polars
import pytest

from tradewright.market.history.faults import BadCandles
from tradewright.market.history.importing import import_candles, read_foreign
from tradewright.market.history.store import DataStore
from tradewright.system import SystemClock

DATA = Path(__file__).resolve().parents[3] / "data"
SHARED = DATA.parents[2] / "shared" / "data"
START = 1_700_000_100_000 // 300_000 * 300_000
FIVE = 300_000


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(tmp_path / "data", SystemClock())


def lines(*rows: str) -> io.BytesIO:
    return io.BytesIO("\n".join([*rows, ""]).encode())


def iso(ms: int, form: str) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime(form)


@pytest.mark.parametrize(
    ("file", "notes"),
    [
        (lines("open_time_ms,open,high,low,close,volume", *(f"{START + i * FIVE},1,2,1,2,7" for i in range(3))), ()),
        (
            lines(
                "Timestamp,Open,High,Low,Close,Volume", *(f"{(START + i * FIVE) // 1000},1,2,1,2,7" for i in range(3))
            ),
            ("the times were taken to be in seconds",),
        ),
        (
            lines(
                "date,open,high,low,close,volume",
                *(f"{iso(START + i * FIVE, '%Y-%m-%d %H:%M:%S')},1,2,1,2,7" for i in range(3)),
            ),
            (),
        ),
        (
            lines(
                "date,open,high,low,close,volume",
                *(f"{iso(START + i * FIVE, '%Y-%m-%dT%H:%M:%S+00:00')},1,2,1,2,7" for i in range(3)),
            ),
            (),
        ),
        (
            lines(*(f"{(START + i * FIVE) * 1000},1,2,1,2,7,{START * 1000},9,3,1,1,0" for i in range(3))),
            (
                "the file names no columns; they were taken to be open_time_ms, open, high, low, close, volume,"
                " close_time, turnover, trades, taker_base, taker_quote, ignored",
                "the times were taken to be in microseconds",
            ),
        ),
        (
            lines("start,open,high,low,close,volume,turnover", *(f"{START + i * FIVE},1,2,1,2,7,9" for i in (2, 1, 0))),
            ("the file goes from the newest to the oldest",),
        ),
    ],
    ids=["ours", "seconds", "dates", "dates with a zone", "Binance's archive", "Bybit's answer"],
)
def test_a_file_of_others_is_the_same_bars_and_what_was_guessed_is_told(
    file: io.BytesIO, notes: tuple[str, ...], store: DataStore
) -> None:
    done = import_candles(store, file, category="spot", symbol="XRPUSDT")
    assert done.notes == notes
    assert (done.series.timeframe, done.added.added) == ("5m", 3)
    found = store.read(done.series)
    assert found is not None
    assert found.open_time_ms.tolist() == [START, START + FIVE, START + 2 * FIVE]
    assert [float(column[2]) for column in (found.open, found.high, found.low, found.close, found.volume)] == [
        1,
        2,
        1,
        2,
        7,
    ]


def test_a_feather_file_with_moments_is_read(store: DataStore) -> None:
    moments = polars.from_epoch(polars.Series("date", [START, START + FIVE, START + 2 * FIVE]), time_unit="ms")
    prices = {name: [1.5, 1.5, 1.5] for name in ("open", "high", "low", "close", "volume")}
    table = polars.DataFrame({"date": moments.dt.replace_time_zone("UTC").dt.cast_time_unit("ns"), **prices})
    table.write_ipc(file := io.BytesIO())
    file.seek(0)
    assert import_candles(store, file, category="spot", symbol="XRPUSDT").added.manifest.from_ms == START


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (DATA / "btcusdt-linear-trades-sample.csv.gz", r"has trades, not candles"),
        (DATA / "btcusdt-linear-bbo-sample.csv.gz", r"has quotes, not candles"),
        (DATA / "btcusdt-linear-ob50-sample.jsonl.gz", r"is JSON, such as messages of a stream"),
        (DATA / "ethusdt-linear-funding-sample.csv.gz", r"has funding rates .*--funding"),
        (SHARED / "xrpeth-spot-trades-2019-10.csv.gz", r"has trades, not candles"),
        (SHARED / "btcusdt-spot-bbo-2021-01-08.csv.gz", r"has quotes, not candles"),
        (SHARED / "xrpusdt-linear-ob500-bybit-2024-12-01.jsonl.gz", r"is JSON"),
        (SHARED / "xrpusdt-funding-8h-2021-11_12.csv.gz", r"has funding rates"),
        (SHARED / "xrpusdt-perp-8h-2021-11_12.csv.gz", r"the bars are 480 minutes apart, and there are 1m, 3m"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_what_is_no_candles_is_refused_by_its_name(file: Path, told: str, store: DataStore) -> None:
    if not file.exists():
        pytest.skip("the real series are not here")
    with pytest.raises(BadCandles, match=told):
        import_candles(store, file, category="linear", symbol="BTCUSDT")
    assert store.all() == []


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (lines("1700000000000,1,2,1,2"), r"does not name its 5 columns; without names it must have 6, 7, 12"),
        (lines("what,is,this"), r"no column open_time_ms"),
        (lines("date,open,high,low,close,volume", "yesterday,1,2,1,2,7"), r"line 2: open_time_ms is 'yesterday'"),
        (lines("1700000000000,1,2,1,2,7", "1700000060000,1,2,1,two,7"), r"line 2: close is 'two'"),
        (io.BytesIO(json.dumps({"list": []}).encode()), r"is JSON"),
        (io.BytesIO(b""), r"is empty"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(file: io.BytesIO, told: str) -> None:
    with pytest.raises(BadCandles, match=told):
        read_foreign(file)


def test_one_bar_does_not_say_how_long_it_is(store: DataStore) -> None:
    row = "1700000100000,1,2,1,2,7"
    with pytest.raises(BadCandles, match=r"name it with --timeframe"):
        import_candles(store, lines(row), category="linear", symbol="BTCUSDT")
    done = import_candles(store, lines(row), category="linear", symbol="BTCUSDT", timeframe="1m")
    assert done.added.added == 1


def test_a_symbol_that_is_none_is_told_before_the_file_is_read(store: DataStore) -> None:
    with pytest.raises(ValueError, match=r"the symbol is '../etc'"):
        import_candles(store, lines("nonsense"), category="linear", symbol="../etc")


def test_a_packed_file_is_unpacked(store: DataStore) -> None:
    packed = io.BytesIO(gzip.compress(lines(*(f"{START + i * FIVE},1,2,1,2,7" for i in range(3))).getvalue()))
    assert import_candles(store, packed, category="linear", symbol="BTCUSDT").added.added == 3
