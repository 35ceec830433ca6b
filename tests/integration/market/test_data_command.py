"""`tradewright data download` as a process, from a simulated exchange over real sockets, into a backtest's hands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from support.exchange_process import UNHURRIED, ExchangeProcess, exchange_process
from tradewright.core.errors import ReadRefused
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.ports import Endpoints
from tradewright.market.history.downloading import download
from tradewright.market.history.files import read_candles
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore
from tradewright.system import SystemClock

MINUTE = 60_000


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeProcess]:
    with exchange_process(*UNHURRIED) as running:
        running.pause()
        yield running


def data(*arguments: str, home: Path, rest: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
    environment |= {"TRADEWRIGHT_HOME": str(home), "TRADEWRIGHT_HOSTS__TESTNET__REST": rest}
    return subprocess.run(
        [sys.executable, "-m", "tradewright", "data", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_candles_come_in_over_sockets_twice_without_a_difference_and_a_backtest_takes_them(
    exchange: ExchangeProcess, tmp_path: Path
) -> None:
    now_ms = int(exchange.ready["market_clock"]["now_ms"])
    first_ms = (now_ms - 2_500 * MINUTE) // MINUTE * MINUTE
    asked = (
        "download",
        "--symbol",
        "BTCUSDT",
        "--timeframe",
        "1m",
        "--environment",
        "testnet",
        "--from",
        str(first_ms),
    )
    done = data(*asked, "--to", str(first_ms + 2_300 * MINUTE), "--json", home=tmp_path, rest=exchange.rest)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["added"], told["was_there"], told["absent"]) == (2_300, 0, 0)
    assert told["series"]["origin"] == "testnet"

    again = data(*asked, "--to", str(first_ms + 2_400 * MINUTE), "--json", home=tmp_path, rest=exchange.rest)
    told = json.loads(again.stdout)
    assert (told["added"], told["was_there"], told["absent"]) == (100, 2_300, 0)
    path = tmp_path / "data" / "testnet" / "linear" / "BTCUSDT" / "1m.parquet"
    assert told["series"]["path"] == str(path)
    candles = read_candles(path, "1m")
    assert candles.open_time_ms.tolist() == list(range(first_ms, first_ms + 2_400 * MINUTE, MINUTE))


async def test_a_symbol_that_is_not_listed_is_a_question_turned_down(exchange: ExchangeProcess, tmp_path: Path) -> None:
    """So it is told at once, and not asked again as after an outage."""
    endpoints = Endpoints(exchange.rest, str(exchange.ready["ws_public"]), str(exchange.ready["ws_private"]))
    market = BybitMarketGateway(lambda: endpoints, clock=SystemClock(), log=structlog.get_logger())
    try:
        with pytest.raises(ReadRefused):
            await download(
                market,
                DataStore(tmp_path / "data", SystemClock()),
                Series(category="linear", symbol="NOTLISTED", timeframe="1m"),
                from_ms=0,
                to_ms=10 * MINUTE,
                source=exchange.rest,
                clock=SystemClock(),
                tell=lambda _: None,
            )
    finally:
        await market.close()
    assert not (tmp_path / "data").exists()
