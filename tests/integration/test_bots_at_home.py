"""A bot on a whole installation: made over the API from a template, run on the simulated exchange, watched, stopped."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from support.installation import Installation, installed, wait_for

MINUTE_MS = 60_000
SPEED = "30"  # a minute of the market in two seconds
SPEC = """
version: 1
name: In and out
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
rules:
  enter_long: close > low or close <= low
entry:
  type: market
size: { quote: 200 }
protect:
  stop_loss: { pct: 5 }
  max_bars: 1
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with installed(environment={"TRADEWRIGHT_SPEED": SPEED}) as installation:
        installation.claim()
        yield installation


def ask(running: Installation, method: str, path: str, body: Any = None) -> dict[str, Any]:
    status, answer = running.request(method, f"/api/v1{path}", body)
    assert status in (200, 201, 202), answer
    return dict(answer)


def fresh() -> str:
    return str(uuid.uuid4())


def made_bot(running: Installation, name: str, **changed: Any) -> str:
    text = changed.pop("text", None)
    kept = {"text": text} if text else {"template": "ema_cross"}
    strategy = ask(running, "POST", "/strategies", {"id": fresh(), "name": name, **kept})["strategy"]
    account = ask(running, "GET", "/accounts")["accounts"][0]
    settings = {
        "spec_version_id": strategy["newest"]["id"],
        "account_id": account["id"],
        "category": "linear",
        "symbol": "BTCUSDT",
        "capital": "1000",
        "limits": {"max_loss": "100"},
        "duration_ms": 5 * MINUTE_MS,
        "at_end": "close",
        **changed,
    }
    bot_id = fresh()
    ask(running, "POST", "/bots", {"id": bot_id, "name": name, "settings": settings})
    return bot_id


def start(running: Installation, bot_id: str) -> str:
    run_id = fresh()
    ask(running, "POST", f"/bots/{bot_id}/runs", {"id": run_id, "bot_version": 1})
    return run_id


def reached(running: Installation, run_id: str, *states: str) -> dict[str, Any]:
    def look() -> Any:
        with contextlib.suppress(OSError):
            status, answer = running.request("GET", f"/api/v1/runs/{run_id}")
            if status == 200 and answer["run"]["state"] in states:
                return answer["run"]
        return None

    return wait_for(look, f"the run is {states}; worker: {running.log('worker')[-3000:]}")


def events(running: Installation, run_id: str) -> list[dict[str, Any]]:
    found, after = [], 0
    while True:
        page = ask(running, "GET", f"/runs/{run_id}/events?after={after}&limit=100")
        found += page["events"]
        if page["next"] is None:
            return found
        after = page["next"]


def test_a_run_trades_its_minutes_and_ends_by_its_time(running: Installation) -> None:
    bot_id = made_bot(running, "In and out", text=SPEC)
    checks = ask(running, "GET", f"/bots/{bot_id}/start-checks")["checks"]
    assert [each for each in checks if each["verdict"] == "block"] == []
    run_id = start(running, bot_id)
    run = reached(running, run_id, "finished", "failed", "halted", "stopped")
    told = events(running, run_id)
    assert (run["state"], run["reason"]) == ("finished", run["reason"]), told[-5:]
    assert [each["seq"] for each in told] == list(range(1, run["event_seq"] + 1))
    kinds = {each["kind"] for each in told}
    assert {"lifecycle", "bar", "signal", "intent", "order", "fill", "trade"} <= kinds
    assert run["totals"]["trades"] >= 1
    assert run["totals"]["position"] is None
    trades = ask(running, "GET", f"/runs/{run_id}/trades")["trades"]
    assert len(trades) == run["totals"]["trades"]
    fill = next(each for each in told if each["kind"] == "fill")
    cause = next(each for each in told if each["seq"] == fill["caused_by"])
    assert cause["kind"] in ("order", "intent", "fill")
    assert ask(running, "GET", f"/runs/{run_id}/report")["report"]
    account = run["account_id"]
    positions = ask(running, "GET", f"/accounts/{account}/positions")["positions"]
    assert [each for each in positions if each["symbol"] == "BTCUSDT" and each["size"] not in ("0", "")] == []
    # Of each order that the run sent the trail says by which version of which strategy.
    sent = {each["intent_id"] for each in told if each["kind"] == "intent"} - {None}
    listed = {each["id"] for each in ask(running, "GET", f"/accounts/{account}/orders?limit=100")["orders"]}
    assert sent & listed
    for order in sent & listed:
        story = ask(running, "GET", f"/accounts/{account}/orders/{order}/story")["story"]
        name, version, digest = story["spec_version"].rsplit(" ", 2)
        assert (bool(name), version, len(digest)) == (True, "v1", 64)


def test_a_run_is_paused_resumed_extended_and_stopped(running: Installation) -> None:
    run_id = start(running, made_bot(running, "Stopped", symbol="ETHUSDT", duration_ms=600 * MINUTE_MS))
    second = start(running, made_bot(running, "Behind", symbol="ETHUSDT"))
    reached(running, run_id, "running")
    waiting = ask(running, "GET", f"/runs/{second}")["run"]
    assert (waiting["state"], waiting["queue"]["held_by"]) == ("queued", "symbol")
    ask(running, "POST", f"/runs/{run_id}/pause")
    reached(running, run_id, "paused")
    ask(running, "POST", f"/runs/{run_id}/resume")
    reached(running, run_id, "running")
    longer = ask(running, "POST", f"/runs/{run_id}/extend", {"duration_ms": 700 * MINUTE_MS})["run"]
    assert longer["deadline_market_ms"] == longer["began_market_ms"] + 700 * MINUTE_MS
    ask(running, "POST", f"/runs/{run_id}/stop", {"how": "close"})
    reached(running, run_id, "stopped")
    # Its slot of the symbol is free: who waited has it within the sweep.
    reached(running, second, "starting", "running", "finished")
    ask(running, "POST", f"/runs/{second}/stop", {"how": "now"})
    reached(running, second, "stopped", "finished")


def test_a_run_outlives_the_death_of_its_worker(running: Installation) -> None:
    run_id = start(running, made_bot(running, "Outlives", duration_ms=600 * MINUTE_MS))
    before = reached(running, run_id, "running")
    running.kill("worker")
    again = wait_for(
        lambda: (run := ask(running, "GET", f"/runs/{run_id}")["run"])["epoch"] > before["epoch"] and run,
        "another owner has it",
    )
    reached(running, run_id, "running")
    assert again["began_market_ms"] == before["began_market_ms"]
    told = events(running, run_id)
    assert [each["seq"] for each in told] == list(range(1, len(told) + 1))
    assert "takeover" in {each["kind"] for each in told}
    ask(running, "POST", f"/runs/{run_id}/stop", {"how": "close"})
    reached(running, run_id, "stopped")
