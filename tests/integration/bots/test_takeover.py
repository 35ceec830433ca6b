"""The worker is killed at each named point of a run's life while the market stands still: what comes of the run is what
comes of one that nobody killed, nothing is entered twice, and its story has no hole.

The market moves only when the test says so, so the same bars are decided on by whoever owns the account then.
"""

from __future__ import annotations

import os
import signal

import pytest

from integration.bots.test_signal_run import CROSS, must_agree
from support.bots.running_bot import bot_home
from tradewright.trading.crash_points import CRASH_AT

POINTS = {
    "run.begun": 1,
    "run.bar": 3,
    "run.decided": 3,
    "run.asked": 2,
    "run.fill": 2,
    "run.told": 2,
    "request.handed": 2,
}
BARS = 9


@pytest.mark.parametrize(("point", "number"), POINTS.items(), ids=POINTS)
def test_a_run_goes_on_as_if_nobody_had_killed_its_worker(point: str, number: int) -> None:
    with bot_home(environment={CRASH_AT: f"{point}:{number}"}) as home:
        home.to_bar()
        first = home.installation.pid_of("worker")
        run = home.start(CROSS)
        home.until(run, "running")
        home.play(run, BARS)
        assert home.installation.pid_of("worker") != first, f"nobody was killed at {point}"
        row = home.row(run)
        assert row["state"] == "running", row["reason"]
        must_agree(home, run, CROSS, least=2)
        events = home.events(run)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        bars = [event["payload"]["open_ms"] for event in events if event["kind"] == "bar"]
        assert len(bars) == len(set(bars)), "a bar was told twice"
        asked = [event["intent_id"] for event in events if event["kind"] == "intent"]
        assert len(asked) == len(set(asked)), "something was asked twice"
        fills = [event["payload"]["exec_id"] for event in events if event["kind"] == "fill"]
        truth = home.ask("SELECT count(*) AS n FROM executions WHERE exec_type = 'Trade'")[0]["n"]
        assert len(fills) == len(set(fills)) == truth
        takeovers = [event for event in events if event["kind"] == "takeover"]
        assert len(takeovers) == 1
        epochs = home.ask("SELECT epoch FROM runs WHERE id = %(run)s", run=run)
        assert epochs[0]["epoch"] == takeovers[0]["payload"]["epoch"]


def test_an_entry_whose_bytes_never_left_is_not_placed_and_never_sent_again() -> None:
    """Its request was committed, so it may have left: only evidence ends it, and by then its bar is over."""
    with bot_home(environment={CRASH_AT: "request.committed:2"}) as home:
        home.to_bar()
        run = home.start(CROSS)
        home.until(run, "running")
        home.play(run, BARS)
        statuses = [event["payload"]["status"] for event in home.events(run, "order")]
        assert statuses.count("not_placed") == 1
        lost = next(event for event in home.events(run, "order") if event["payload"]["status"] == "not_placed")
        assert home.ask("SELECT 1 FROM orders WHERE intent_id = %(intent)s", intent=lost["intent_id"]) == []
        asked = [event["intent_id"] for event in home.events(run, "intent") if event["payload"]["kind"] == "place"]
        assert len(asked) == len(set(asked)) >= 3, "it goes on, and nothing is asked twice"
        assert home.row(run)["state"] == "running"


ALWAYS = """\
version: 1
kind: signal
name: In and out
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
rules: { enter_long: "close > 0", exit_long: "position.bars >= 1" }
size: { quote: 1000 }
protect: { stop_loss: { pct: 3 } }
"""


def test_bars_that_closed_while_the_worker_stood_still_decide_nothing_but_the_newest() -> None:
    with bot_home() as home:
        home.to_bar()
        run = home.start(ALWAYS)
        home.until(run, "running")
        home.wish(run, wish_paused=True)
        home.until(run, "paused")
        home.play(run, 1)
        home.wish(run, wish_paused=False)
        home.until(run, "running")
        worker = home.installation.kill("worker", number=signal.SIGSTOP)
        try:
            began_ms = home.now_ms()
            for _ in range(3 * 4):
                home.step(15)
        finally:
            os.kill(worker, signal.SIGCONT)
        home.settle(run, home.now_ms())
        told = [
            event for event in home.events(run, "bar") if event["payload"]["open_ms"] >= began_ms // 60_000 * 60_000
        ]
        assert [bool(event["payload"].get("late")) for event in told] == [True, True, False]
        intents = [event for event in home.events(run, "intent") if event["payload"]["kind"] == "place"]
        assert len(intents) == 1, "the newest bar alone may decide an entry"
        newest = told[-1]["seq"]
        assert all(event["seq"] > newest for event in intents)
