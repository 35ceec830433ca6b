"""Every kind of recording is served row for row: the committed samples, through REST and the public streams."""

from __future__ import annotations

from pathlib import Path

from support.recorded_checks import check_archive, check_candles, check_funding, check_quotes, check_trades

DATA = Path(__file__).parents[2] / "data"
MINUTES = DATA / "btcusdt-linear-1m-sample.csv.gz"
QUARTERS = DATA / "ethusdt-linear-15m-sample.csv.gz"
FUNDING = DATA / "ethusdt-linear-funding-sample.csv.gz"
TRADES = DATA / "btcusdt-linear-trades-sample.csv.gz"
QUOTES = DATA / "btcusdt-linear-bbo-sample.csv.gz"
ORDER_BOOK = DATA / "btcusdt-linear-ob50-sample.jsonl.gz"


async def test_three_days_of_minutes() -> None:
    await check_candles(MINUTES, "linear", "BTCUSDT", played=500)


async def test_ninety_days_of_quarter_hours_with_holes() -> None:
    await check_candles(QUARTERS, "spot", "ETHUSDT", played=1_000)


async def test_trades() -> None:
    await check_trades(TRADES, "linear", "BTCUSDT")


async def test_quotes_alone_and_beside_trades() -> None:
    await check_quotes(QUOTES, "spot", "BTCUSDT", stride=37)
    await check_quotes(QUOTES, "linear", "BTCUSDT", beside=TRADES, stride=113)


async def test_an_order_book_archive() -> None:
    await check_archive(ORDER_BOOK, "linear", "BTCUSDT")


async def test_funding_beside_candles() -> None:
    await check_funding(FUNDING, QUARTERS, "ETHUSDT", stride=7)
