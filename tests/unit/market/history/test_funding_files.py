"""Funding from files."""

from __future__ import annotations

import io
from pathlib import Path

import polars
import pytest

from tradewright.market.history.faults import BadCandles
from tradewright.market.history.funding import read_funding

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "ethusdt-linear-funding-sample.csv.gz"
HEADER = "funding_time_ms,funding_rate"


def rates(*rows: str) -> io.BytesIO:
    return io.BytesIO("\n".join([HEADER, *rows, ""]).encode())


def test_the_committed_sample_is_read_oldest_first() -> None:
    found = read_funding(SAMPLE)
    assert len(found) == 271
    assert (found.time_ms[0], found.rate_ratio[0]) == (1_701_734_400_000, 0.00009926)


def test_a_parquet_file_says_the_same() -> None:
    table = polars.read_csv(SAMPLE)
    table.write_parquet(target := io.BytesIO())
    target.seek(0)
    found = read_funding(target)
    assert found.rate_ratio.tolist() == read_funding(SAMPLE).rate_ratio.tolist()


def test_no_rates_are_no_fault() -> None:
    assert len(read_funding(rates())) == 0


@pytest.mark.parametrize(
    ("rows", "code", "times"),
    [
        (("8,0.0001", "0,0.0001"), "disorder", (0,)),
        (("0,0.0001", "0,0.0002"), "duplicate", (0,)),
        (("0,0.0001", "8,"), "bad_candle", (8,)),
        (("0,0.0001", "8,-5"), "bad_candle", (8,)),
        (("-8,0.0001",), "bad_file", (-8,)),
        (("0,abc",), "bad_file", ()),
    ],
)
def test_what_is_wrong_is_told_with_its_times(rows: tuple[str, ...], code: str, times: tuple[int, ...]) -> None:
    with pytest.raises(BadCandles) as caught:
        read_funding(rates(*rows))
    assert (caught.value.code, caught.value.times) == (code, times)
