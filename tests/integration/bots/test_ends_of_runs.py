"""How runs end on a whole installation, one after another on one account: stopped in each way, by their time, by their
loss; and paused in between. What is at the exchange afterwards is the measure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from support.bots.running_bot import BotHome, bot_home
from support.installation import wait_for

ALWAYS = """\
version: 1
kind: signal
name: Always in
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
rules: { enter_long: "close > 0", exit_long: "position.bars >= BARS" }
size: { quote: 1000 }
protect: { stop_loss: { pct: 3 } }
"""


def always(bars: int = 500) -> str:
    return ALWAYS.replace("BARS", str(bars))


@pytest.fixture(scope="module")
def home() -> Iterator[BotHome]:
    with bot_home() as found:
        found.to_bar()
        yield found


def started(home: BotHome, text: str, **how: Any) -> uuid.UUID:
    """Running, and in a position with its stop."""
    run = home.start(text, **how)
    home.until(run, "running")
    home.play(run, 2)
    assert home.position() > 0
    return run


def flatten(home: BotHome) -> None:
    """As a person would, so that the next run may begin."""
    size = home.position()
    body = {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Sell" if size > 0 else "Buy",
        "orderType": "Market",
        "qty": str(abs(size)),
        "reduceOnly": True,
    }
    home.installation.exchange_post("/v5/order/create", body)
    wait_for(lambda: not home.position(), "flat")
    wait_for(
        lambda: (
            not home.ask("SELECT 1 FROM positions WHERE size <> 0 AND account_id = %(account)s", account=home.account)
        ),
        "the account knows",
    )


def reason_of(row: dict[str, Any]) -> str:
    return str(row["reason"]["code"])


def test_stopped_now_it_cancels_and_leaves_the_position_with_its_stop(home: BotHome) -> None:
    run = started(home, always())
    size = home.position()
    home.wish(run, wish_stop="now")
    row = home.until(run, "stopped", "failed")
    assert (row["state"], reason_of(row), row["reason"]["params"]) == ("stopped", "run.stopped", {"how": "now"})
    assert home.position() == size
    assert [order["stopOrderType"] for order in home.open_orders()] == ["StopLoss"]
    assert row["totals"]["position"]["quantity"] == str(size)
    flatten(home)


def test_a_run_does_not_begin_beside_a_position_that_is_not_its_own(home: BotHome) -> None:
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"}
    home.installation.exchange_post("/v5/order/create", order)
    wait_for(
        lambda: (
            home.ask("SELECT 1 FROM positions WHERE size <> 0 AND account_id = %(account)s", account=home.account)
            or None
        ),
        "the account knows",
    )
    run = home.start(always())
    row = home.until(run, "failed", "running")
    assert (row["state"], reason_of(row)) == ("failed", "run.symbol_in_use")
    assert home.position() == Decimal("0.01")
    flatten(home)


def test_stopped_with_a_close_it_leaves_nothing(home: BotHome) -> None:
    run = started(home, always())
    home.wish(run, wish_stop="close")
    row = home.until(run, "stopped", "failed")
    assert (row["state"], row["reason"]["params"]) == ("stopped", {"how": "close"})
    assert (home.position(), home.open_orders()) == (Decimal(0), [])
    (trade,) = home.trades(run)
    assert trade["exit_reason"] == "stopped"
    assert [event["payload"]["state"] for event in home.events(run, "lifecycle")] == ["running", "stopping", "stopped"]


def test_stopped_gently_it_manages_its_exit_and_enters_no_more(home: BotHome) -> None:
    run = started(home, always(3))
    home.wish(run, wish_stop="gentle")
    home.until(run, "stopping")
    home.play(run, 3)
    row = home.until(run, "stopped", "failed")
    assert row["state"] == "stopped"
    assert home.position() == 0
    (trade,) = home.trades(run)
    assert (trade["exit_reason"], trade["bars"]) == ("exit_long", 3)


def test_paused_it_enters_no_more_and_resumed_it_does(home: BotHome) -> None:
    run = home.start(always(1))
    home.until(run, "running")
    home.wish(run, wish_paused=True)
    home.until(run, "paused")
    home.play(run, 3)
    assert home.position() == 0
    assert home.events(run, "intent") == []
    notes = [event["payload"]["code"] for event in home.events(run, "note")]
    assert notes.count("entry.not_now") >= 2
    home.wish(run, wish_paused=False)
    home.until(run, "running")
    home.play(run, 2)
    assert home.events(run, "intent") != []
    home.wish(run, wish_stop="close")
    home.until(run, "stopped")
    assert home.position() == 0


def test_its_time_runs_by_the_markets_clock_and_at_its_end_it_closes(home: BotHome) -> None:
    run = started(home, always(), minutes=3, at_end="close")
    home.wish(run, duration_ms=5 * 60_000)
    wait_for(lambda: home.events(run, "wish") or None, "the extension is told")
    home.play(run, 2)
    assert home.row(run)["state"] == "running", "it was given five minutes"
    for _ in range(8):
        home.step(15)
    row = home.until(run, "finished", "failed")
    assert (row["state"], reason_of(row)) == ("finished", "run.time_over")
    assert (home.position(), home.open_orders()) == (Decimal(0), [])
    assert home.trades(run)[-1]["exit_reason"] == "time_over"


def test_at_its_greatest_loss_it_closes_and_is_halted(home: BotHome) -> None:
    run = home.start(always(), max_loss="0.3")
    home.until(run, "running")
    home.play(run, 2)
    row = home.until(run, "halted", "failed")
    assert (row["state"], reason_of(row)) == ("halted", "run.max_loss")
    assert (home.position(), home.open_orders()) == (Decimal(0), [])
    (limit,) = home.events(run, "limit")
    assert limit["payload"]["allowed"] == "9999.7"
    assert Decimal(limit["payload"]["value"]) <= Decimal("9999.7")


def test_an_entry_beyond_its_greatest_position_is_not_sent(home: BotHome) -> None:
    run = home.start(always(), max_position="900")
    home.until(run, "running")
    home.play(run, 2)
    assert home.position() == 0
    assert {event["payload"]["name"] for event in home.events(run, "limit")} == {"max_position"}
    home.wish(run, wish_stop="now")
    home.until(run, "stopped")


def test_a_kill_halts_it_at_once(home: BotHome) -> None:
    run = started(home, always())
    body = {"scope": "account", "account_id": home.account, "close_positions": True}
    status, answer = home.installation.request("POST", "/api/v1/kill", body)
    assert status in (200, 202), answer
    row = home.until(run, "halted", "failed")
    assert (row["state"], reason_of(row)) == ("halted", "run.kill")
    wait_for(lambda: not home.position(), "the kill closes by itself")
