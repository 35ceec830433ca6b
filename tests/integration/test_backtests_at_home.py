"""Backtests on a whole installation: a newcomer's first, on the simulated exchange and without a file; parts die."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from support.installation import Installation, installed, wait_for
from tradewright.backtests.model import SIM_BARS_USUAL


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with installed() as installation:
        installation.claim()
        yield installation


def ask(running: Installation, **changed: Any) -> str:
    body = {"id": str(uuid.uuid4()), "template": "ema_cross", "origin": "sim", **changed}
    status, answer = running.request("POST", "/api/v1/backtests", body)
    assert status == 202, answer
    return str(body["id"])


def ended(running: Installation, backtest_id: str) -> Any:
    def look() -> Any:
        with contextlib.suppress(OSError):  # a part may be about to come back
            status, answer = running.request("GET", f"/api/v1/backtests/{backtest_id}")
            if status == 200 and answer["backtest"]["state"] not in ("queued", "running"):
                return answer["backtest"]
        return None

    return wait_for(look, f"the backtest ends; jobs: {running.log('jobs')[-2000:]}")


def test_a_template_runs_on_the_simulated_exchange_without_a_file(running: Installation) -> None:
    backtest = ended(running, ask(running))
    assert (backtest["state"], backtest["reason"]) == ("finished", None)
    assert backtest["bars_done"] == backtest["bars_total"] == SIM_BARS_USUAL  # the synthetic market has years behind it
    _, answer = running.request("GET", f"/api/v1/backtests/{backtest['id']}/report")
    assert answer["report"]["bars"] == backtest["bars_total"]
    assert answer["report"]["data"]["origin"] == "sim"
    assert answer["report"]["metrics"]["trades"] > 30
    _, stored = running.request("GET", "/api/v1/candle-series")
    (series,) = [one for one in stored["series"] if one["timeframe"] == "15m"]
    assert (series["origin"], series["symbol"], series["timeframe"]) == ("sim", "BTCUSDT", "15m")
    assert series["bars"] > backtest["bars_total"] + 200  # and the warm-up before the first bar


def test_finer_candles_and_funding_come_by_themselves_too(running: Installation) -> None:
    backtest = ended(running, ask(running, fine="5m", funding=True))
    assert (backtest["state"], backtest["reason"]) == ("finished", None)
    _, answer = running.request("GET", f"/api/v1/backtests/{backtest['id']}/report")
    assert answer["report"]["settings"]["fine_ms"] == 300_000
    assert answer["report"]["settings"]["funding_rates"] > 300  # three a day over three months
    assert answer["report"]["metrics"]["funding"] != "0"


def test_the_same_span_gives_the_same_report(running: Installation) -> None:
    first = ended(running, ask(running))
    _, report = running.request("GET", f"/api/v1/backtests/{first['id']}/report")
    span = {"from_ms": report["report"]["from"], "to_ms": report["report"]["to"]}
    again = ended(running, ask(running, **span))
    assert running.request("GET", f"/api/v1/backtests/{again['id']}/report")[1] == report


def test_a_symbol_that_is_not_listed_is_a_reason(running: Installation) -> None:
    _, templates = running.request("GET", "/api/v1/specs/templates")
    text = next(one["text"] for one in templates["templates"] if one["template"] == "ema_cross")
    body = {"template": None, "text": text.replace("symbol: BTCUSDT", "symbol: NOSUCHUSDT")}
    backtest = ended(running, ask(running, **body))
    assert (backtest["state"], backtest["reason"]["code"]) == ("failed", "backtest.not_fetched")
    assert backtest["reason"]["detail"]


@pytest.mark.parametrize("part", ["jobs", "api"])
def test_a_backtest_outlives_the_death_of_a_part(running: Installation, part: str) -> None:
    backtest_id = ask(running, settings={"equity": str(1_000 + len(part))})
    running.kill(part)
    backtest = ended(running, backtest_id)
    assert (backtest["state"], backtest["reason"]) == ("finished", None)
