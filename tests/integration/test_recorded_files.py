"""Every recording of the shared folder that holds a market is served row for row, where that folder is present."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.recorded_checks import check_archive, check_candles, check_funding, check_quotes, check_trades

DATA = Path(__file__).parents[3] / "shared/data"
CANDLES = {
    "bnbusdt-spot-4h-2024-q1.csv.gz": ("spot", "BNBUSDT", 500),
    "btcusd-perp-1m-2022-01.csv.gz": ("linear", "BTCUSDT", 400),  # the window at the end; all of it by REST
    "btcusdt-spot-4h-2024-q1.csv.gz": ("spot", "BTCUSDT", 500),
    "ethbtc-spot-5m-2018-01.csv.gz": ("spot", "ETHBTC", 400),
    "ethusdt-spot-4h-2024-q1.csv.gz": ("spot", "ETHUSDT", 500),
    "ltcbtc-spot-5m-2018-01.csv.gz": ("spot", "LTCBTC", 400),
    "solusdt-spot-4h-2024-q1.csv.gz": ("spot", "SOLUSDT", 500),
    "xrpeth-spot-1m-2019-10.csv.gz": ("spot", "XRPETH", 2_469),  # with its 676 holes
    "xrpusdt-perp-5m-2021-11.csv.gz": ("linear", "XRPUSDT", 400),
    "xrpusdt-perp-8h-2021-11_12.csv.gz": ("linear", "XRPUSDT", 91),
}
TRADES = {
    "btcusdt-spot-trades-2021-01-08.csv.gz": ("spot", "BTCUSDT"),
    "xrpeth-spot-trades-2019-10.csv.gz": ("spot", "XRPETH"),
}
QUOTES = "btcusdt-spot-bbo-2021-01-08.csv.gz"
ARCHIVE = "xrpusdt-linear-ob500-bybit-2024-12-01.jsonl.gz"
FUNDING = "xrpusdt-funding-8h-2021-11_12.csv.gz"


def present(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not present")
    return path


@pytest.mark.parametrize("name", CANDLES)
async def test_candles(name: str) -> None:
    category, symbol, played = CANDLES[name]
    await check_candles(present(name), category, symbol, played=played)


@pytest.mark.parametrize("name", TRADES)
async def test_trades(name: str) -> None:
    await check_trades(present(name), *TRADES[name])


async def test_quotes_with_the_trades_between_them() -> None:
    beside = present("btcusdt-spot-trades-2021-01-08.csv.gz")
    await check_quotes(present(QUOTES), "spot", "BTCUSDT", beside=beside, stride=11)


async def test_the_order_book_archive() -> None:
    await check_archive(present(ARCHIVE), "linear", "XRPUSDT")


async def test_funding_beside_the_candles_of_its_contract() -> None:
    await check_funding(present(FUNDING), present("xrpusdt-perp-5m-2021-11.csv.gz"), "XRPUSDT", stride=1)


def test_no_recording_is_forgotten() -> None:
    if not DATA.is_dir():
        pytest.skip("the folder of recordings is not present")
    tested = {*CANDLES, *TRADES, QUOTES, ARCHIVE, FUNDING}
    assert {path.name for path in DATA.iterdir() if path.suffix == ".gz"} <= tested
