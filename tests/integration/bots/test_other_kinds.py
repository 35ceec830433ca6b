"""Runs of the kinds `dca` and `grid` on a whole installation: many orders that rest at once, and one position of them.

How they trade is held against the backtest elsewhere (`property/test_machine_twins`); here, that what a run believes is
what the exchange has, at every close, and that a stop with a close leaves nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest

from support.bots.running_bot import BotHome, bot_home
from support.installation import wait_for

DCA = """\
version: 1
kind: dca
name: In steps
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
dca: { side: long, start: now, base: { quote: 500 },
       safety: { count: 3, quote: 500, step_pct: 0.06, step_scale: 1, size_scale: 1 },
       take_profit_pct: 0.08, stop_loss_pct: 3 }
"""
GRID = """\
version: 1
kind: grid
name: Around
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
grid: { lower: LOWER, upper: UPPER, levels: 13, spacing: arithmetic, side: SIDE, per_level: { quote: 400 },
        stop_below: BELOW, stop_above: ABOVE }
"""


@pytest.fixture(scope="module")
def home() -> Iterator[BotHome]:
    with bot_home() as found:
        found.to_bar()
        yield found


def believed(home: BotHome, run: uuid.UUID) -> Decimal:
    return Decimal(home.row(run)["memory"]["machine"]["book"]["net"])


def watched(home: BotHome, run: uuid.UUID, bars: int) -> None:
    for _ in range(bars):
        home.play(run, 1)
        wait_for(lambda: believed(home, run) == home.position(), "what it believes is what there is", seconds=20)
    row = home.row(run)
    assert row["state"] == "running", row["reason"]
    assert home.events(run, "error") == []


def closed(home: BotHome, run: uuid.UUID) -> None:
    home.wish(run, wish_stop="close")
    row = home.until(run, "stopped", "failed", "halted")
    assert row["state"] == "stopped", row["reason"]
    assert (home.position(), home.open_orders()) == (Decimal(0), [])
    net = sum((Decimal(trade["pnl"]) for trade in home.trades(run)), Decimal(0))
    assert abs(Decimal(row["totals"]["net"]) - net) < Decimal("1e-9"), "all of it is in its trades"
    fills = [event["payload"]["exec_id"] for event in home.events(run, "fill")]
    assert len(fills) == len(set(fills))


def test_a_dca_run_keeps_its_safety_orders_and_its_target(home: BotHome) -> None:
    run = home.start(DCA)
    home.until(run, "running")
    watched(home, run, 14)
    roles = {event["payload"]["role"] for event in home.events(run, "intent")}
    assert {"base", "safety"} <= roles
    assert home.trades(run), "no cycle came to its end"
    assert {trade["exit_reason"] for trade in home.trades(run)} == {"take_profit"}
    closed(home, run)


def test_a_run_whose_one_cycle_is_over_finishes(home: BotHome) -> None:
    run = home.start(DCA.replace("take_profit_pct: 0.08", "repeat: false, take_profit_pct: 0.03"))
    home.until(run, "running")
    for _ in range(25):
        home.play(run, 1)
        if home.row(run)["state"] != "running":
            break
    row = home.until(run, "finished", "failed", "halted", "stopped")
    assert (row["state"], row["reason"]["code"]) == ("finished", "run.plan_over")
    assert len(home.trades(run)) == 1
    assert (home.position(), home.open_orders()) == (Decimal(0), [])


@pytest.mark.parametrize("side", ["neutral", "long"])
def test_a_grid_run_rests_in_every_cell_and_counts_them_as_one_position(home: BotHome, side: str) -> None:
    price = Decimal(home.installation.last_price()) // 10 * 10
    places = {"LOWER": -180, "UPPER": 180, "BELOW": -3_000, "ABOVE": 3_000}
    text = GRID.replace("SIDE", side)
    for name, distance in places.items():
        text = text.replace(name, str(price + distance))
    run = home.start(text)
    home.until(run, "running")
    watched(home, run, 12)
    assert len([order for order in home.open_orders() if not order["stopOrderType"]]) == 12, "an order in every cell"
    closed(home, run)
