"""The main job on a recorded market: the file is served row for row, history and played rows alike, and orders fill
inside the candles' ranges. Runs on the committed sample, and on the recorded month where that is present."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.installation import Installation, free_port, installed, wait_for

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests/data/btcusdt-linear-1m-sample.csv.gz"
RECORDED = ROOT.parent / "shared/data/btcusd-perp-1m-2022-01.csv.gz"
MINUTE_MS = 60_000
HISTORY = 1_500  # rows before the replay begins, by default
PLAYED = 4  # rows that the test waits for


def read_rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=[SAMPLE, RECORDED], ids=["sample", "recorded"])
def replay(request: pytest.FixtureRequest) -> Iterator[tuple[Installation, list[dict[str, str]]]]:
    path: Path = request.param
    if not path.is_file():
        pytest.skip(f"{path.name} is not present")
    with installed("--market", f"replay:{path}@linear:BTCUSDT", "--speed", "60") as installation:
        yield installation, read_rows(path)


def candles(installation: Installation, start_ms: int, end_ms: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    for start in range(start_ms, end_ms, 1000 * MINUTE_MS):
        end = min(end_ms, start + 1000 * MINUTE_MS) - 1
        status, answer = installation.request(
            "GET",
            f"/api/v1/candles?category=linear&symbol=BTCUSDT&interval=1&start_ms={start}&end_ms={end}&limit=1500",
        )
        assert status == 200, answer
        assert answer["gaps"] == []
        found += answer["candles"]
    return found


def as_numbers(row: dict[str, str]) -> tuple[Any, ...]:
    return (
        int(row["open_time_ms"]),
        *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume", "turnover")),
    )


def test_the_file_is_served_row_for_row_and_a_demo_order_fills_inside_it(
    replay: tuple[Installation, list[dict[str, str]]],
) -> None:
    installation, rows = replay
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/demo_order.py"],
        env={**os.environ, "TRADEWRIGHT_HOME": str(installation.home), "TRADEWRIGHT_PORT": str(installation.port)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    order = json.loads(done.stdout.splitlines()[-1])
    assert order["status"] == "filled"
    assert order["exchange"]["orderStatus"] == "Filled"
    _sign_in_as_the_scripted_user(installation)

    first, begins = int(rows[0]["open_time_ms"]), int(rows[HISTORY]["open_time_ms"])
    plays_until = begins + PLAYED * MINUTE_MS

    def played() -> bool:
        newest = candles(installation, begins, plays_until + MINUTE_MS)
        return sum(bool(candle[7]) for candle in newest) >= PLAYED

    wait_for(played, f"{PLAYED} rows have been played")
    served = candles(installation, first, plays_until)
    expected = [as_numbers(row) for row in rows[: HISTORY + PLAYED]]
    got = [(candle[0], *(Decimal(text) for text in candle[1:7])) for candle in served]
    assert got == expected
    assert all(candle[7] for candle in served)

    account = installation.account()
    fill = installation.table(account, "fills")["fills"][0]
    execution = installation.exchange_get("/v5/execution/list", category="linear", symbol="BTCUSDT")["list"][0]
    assert fill["id"] == execution["execId"]
    # The order went as soon as the machine got to it: in one of the minutes that were played until now.
    so_far = len(candles(installation, begins, int(rows[-1]["open_time_ms"]) + MINUTE_MS))
    ranges = [(Decimal(row["low"]), Decimal(row["high"])) for row in rows[HISTORY : HISTORY + so_far]]
    assert any(low <= Decimal(fill["price"]) <= high for low, high in ranges)


def _sign_in_as_the_scripted_user(installation: Installation) -> None:
    kept = json.loads((installation.home / "demo-order.json").read_text())
    status, answer = installation.request("POST", "/api/v1/login", kept)
    assert status == 200, answer


def test_each_market_has_an_account_of_its_own_that_rests_while_another_runs() -> None:
    with installed() as installation:
        installation.claim()
        first = installation.account()
        intent, _, _ = installation.place(first)
        installation.until(first, intent, "filled")
        installation.stop()

        installation.arguments = ("--market", f"replay:{SAMPLE}@linear:BTCUSDT", "--speed", "60")
        installation.start()
        other = installation.account()
        assert other != first
        [shown] = installation.request("GET", "/api/v1/accounts")[1]["accounts"]
        assert shown["name"] == "Replay btcusdt-linear-1m-sample"
        assert installation.table(other, "positions")["positions"] == []
        intent, _, _ = installation.place(other)
        installation.until(other, intent, "filled")
        installation.stop()

        installation.arguments = ()
        installation.start()
        assert installation.account() == first
        assert [row["size"] for row in installation.table(first, "positions")["positions"]] == ["0.01"]
        assert installation.request("GET", "/api/v1/accounts")[1]["accounts"][0]["drift_count"] == 0


def test_a_recording_that_is_not_there_ends_the_run_with_one_sentence(open_home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradewright", "run", "--market", f"replay:{tmp_path}/none.csv.gz@linear:BTCUSDT"],
        env={**os.environ, "TRADEWRIGHT_HOME": str(open_home), "TRADEWRIGHT_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("tradewright: The market cannot be started: there is no file ")
