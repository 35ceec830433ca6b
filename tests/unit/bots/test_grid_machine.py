"""What a grid does where no bar of a backtest leads: fills in parts, orders given up or refused, stops that nobody saw.

What the machine remembers goes through JSON at every step, as if another process went on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tradewright.bots.machines.grid import GridMachine
from tradewright.bots.machines.grid_memory import restore
from tradewright.bots.machines.model import OwnFill, Said, Setup, Taker
from tradewright.core.money import exactly
from tradewright.strategy.check import check_text
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.model import Grid
from tradewright.strategy.prices import Filters

MINUTE_MS = 60_000
GRID = """\
version: 1
kind: grid
name: Four cells
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
grid: { lower: 100, upper: 104, levels: 5, spacing: arithmetic, side: SIDE, per_level: { base: 3 },
        stop_below: 90, stop_above: 120 }
"""


class Played:
    """A machine whose bars and fills the test says; each bar is a price that stood still unless told otherwise."""

    def __init__(self, side: str, *, resting_max: int | None = None) -> None:
        checked = check_text(GRID.replace("SIDE", side))
        assert checked.strategy is not None, checked.errors
        assert isinstance(checked.strategy.plan, Grid)
        self.strategy, self.plan = checked.strategy, checked.strategy.plan
        self.setup = Setup(
            filters=Filters(tick_size=Decimal("0.1"), quantity_step=Decimal(1)),
            capital=Decimal(10_000),
            taker_rate=Decimal(0),
            first_open_ms=0,
            resting_max=resting_max,
        )
        self.machine = GridMachine(self.strategy, self.plan, self.setup)
        self.evaluator = Evaluator(self.strategy.program)
        self.bars = 0
        self.said: list[Said] = []

    def close(
        self,
        price: float,
        *,
        low: float | None = None,
        high: float | None = None,
        late: bool = False,
        enter: bool = True,
    ) -> None:
        bar = Bar(self.bars * MINUTE_MS, price, high or price, low or price, price, 1.0, price)
        self.bars += 1
        values = self.evaluator.close(bar)
        if late:
            self.said += self.machine.on_late(bar, values)
        else:
            self.said += self.machine.on_close(bar, values, may_enter=enter)
        self.forget()

    def ask(self) -> dict[str, tuple[int, Decimal, Decimal | None]]:
        """All that is wanted leaves; by key its direction, quantity and price."""
        sent = {one.key: (int(one.direction), one.quantity, one.price) for one in self.machine.to_send()}
        for key in sent:
            self.machine.on_asked(key)
        self.forget()
        return sent

    def fill(self, key: str | None, direction: int, quantity: int, price: float, by: Taker = "own") -> None:
        fill = OwnFill(
            by=by,
            key=key,
            direction=1 if direction > 0 else -1,
            quantity=Decimal(quantity),
            price=Decimal(str(price)),
            fee=Decimal(0),
            bar_open_ms=self.bars * MINUTE_MS,
        )
        self.said += self.machine.on_fill(fill)
        self.forget()

    def ended(self, *keys: str) -> None:
        for key in keys:
            self.said += self.machine.on_ended(key)
        self.forget()

    def forget(self) -> None:
        kept = json.loads(json.dumps(self.machine.memory()))
        self.machine = GridMachine(self.strategy, self.plan, self.setup)
        restore(self.machine, kept)

    @property
    def trades(self) -> list[dict[str, Any]]:
        return [dict(one.payload) for one in self.said if one.kind == "trade"]


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    with exactly():
        yield


def begun(side: str = "long", **how: Any) -> Played:
    """At 101.5: of a long grid cells 2 and 3 hold, cells 0 and 1 rest with their buys."""
    played = Played(side, **how)
    played.close(101.5)
    if side == "long":
        assert played.ask() == {"start:0": (1, Decimal(6), None)}
        played.fill("start:0", 1, 6, 101.5)
    return played


def test_a_grid_begins_with_one_order_and_rests_in_every_cell() -> None:
    played = begun()
    assert played.ask() == {
        "cell:1:0": (1, Decimal(3), Decimal(101)),
        "cell:0:0": (1, Decimal(3), Decimal(100)),
        "cell:2:0": (-1, Decimal(3), Decimal(103)),
        "cell:3:0": (-1, Decimal(3), Decimal(104)),
    }
    exits = played.machine.exits()
    assert exits is not None
    assert exits.stop == 90


def test_what_it_begins_with_fills_while_paused_and_only_what_takes_off_rests() -> None:
    played = Played("long")
    played.close(101.5)
    played.ask()
    assert played.machine.give_up_entries() == []
    played.fill("start:0", 1, 6, 101.5)
    assert played.ask().keys() == {"cell:2:0", "cell:3:0"}
    played.close(101.5, enter=False)
    assert played.ask() == {}
    played.close(101.5)
    assert played.ask().keys() == {"cell:0:0", "cell:1:0"}


def test_a_late_bar_opens_nothing() -> None:
    played = begun()
    played.ask()
    played.fill("cell:2:0", -1, 3, 103)
    played.fill("cell:1:0", 1, 3, 101)
    played.close(102, late=True)
    assert played.ask() == {"cell:1:1": (-1, Decimal(3), Decimal(102))}
    played.close(102)
    assert played.ask() == {"cell:2:1": (1, Decimal(3), Decimal(102))}


def test_a_start_that_is_refused_waits_for_another_close() -> None:
    played = Played("long")
    played.close(101.5)
    played.machine.dropped("start:0")
    assert played.ask() == {}
    played.close(102.5)
    assert played.ask() == {"start:60000": (1, Decimal(3), None)}


def test_a_start_that_fills_in_part_is_shared_and_nothing_of_it_is_nobodys() -> None:
    played = Played("long")
    played.close(101.5)
    played.ask()
    played.fill("start:0", 1, 4, 101.5)
    played.ended("start:0")
    sent = played.ask()
    assert (sent["cell:3:0"], sent["cell:2:0"]) == ((-1, 3, 104), (-1, 1, 103))
    played.fill("cell:3:0", -1, 3, 104)
    played.fill("cell:2:0", -1, 1, 103)
    assert [trade["qty"] for trade in played.trades] == ["3", "1"]
    assert played.machine.net == 0


def test_an_order_that_opens_and_was_filled_in_part_is_given_up_and_what_it_opened_taken_off() -> None:
    played = begun()
    played.ask()
    played.fill("cell:1:0", 1, 1, 101)
    played.machine.give_up_entries()
    assert set(played.machine.cancels()) == {"cell:0:0", "cell:1:0"}
    played.ended("cell:0:0", "cell:1:0")
    played.close(101.5, enter=False)
    assert played.ask() == {"cell:1:1": (-1, Decimal(1), Decimal(102))}


def test_of_a_closing_order_that_ended_in_part_only_the_rest_is_asked_again() -> None:
    played = begun()
    played.ask()
    played.fill("cell:2:0", -1, 2, 103)
    played.ended("cell:2:0")
    played.close(102.5)
    assert played.ask() == {"cell:2:1": (-1, Decimal(1), Decimal(103))}
    played.fill("cell:2:1", -1, 1, 103)
    assert [(trade["qty"], trade["exit_price"], trade["pnl"]) for trade in played.trades] == [("3", "103", "4.5")]


def test_a_fill_told_after_the_end_of_its_order_is_its_cells() -> None:
    played = begun()
    played.ask()
    played.ended("cell:1:0")
    played.fill("cell:1:0", 1, 3, 101)
    played.close(101.5)
    assert played.ask() == {"cell:1:1": (-1, Decimal(3), Decimal(102))}
    assert played.machine.close_wanted() is None


def test_a_run_that_is_to_leave_withdraws_closing_orders_too_and_wants_none_again() -> None:
    played = begun()
    sent = played.ask()
    played.machine.give_up_orders()
    assert set(played.machine.cancels()) == sent.keys()
    played.close(101.5, enter=False)
    played.ended(*sent)
    played.close(101.5, enter=False)
    assert (played.ask(), list(played.machine.resting()), played.machine.net) == ({}, [], 6)
    assert played.machine.exits() is not None, "its stop stays"


def test_what_it_begins_with_fills_after_its_end_was_wanted_and_is_closed() -> None:
    played = Played("long")
    played.close(101.5)
    played.ask()
    played.machine.want_close("stopped", MINUTE_MS)
    assert list(played.machine.resting()) == ["start:0"], "it may fill still"
    played.fill("start:0", 1, 6, 101.5)
    close = played.machine.close_wanted()
    assert close is not None
    assert (close.direction, close.quantity) == (1, 6)
    played.fill(close.key, -1, 6, 101)
    assert [(trade["cell"], trade["exit_reason"]) for trade in played.trades] == [(2, "stopped"), (3, "stopped")]


def test_long_cells_against_short_ones_end_at_the_price_though_nothing_is_sent() -> None:
    played = begun("neutral")
    sent = played.ask()
    assert sent["cell:2:0"] == (-1, 3, 103)
    played.fill("cell:2:0", -1, 3, 103)
    played.fill("cell:1:0", 1, 3, 101)
    played.close(101.5)
    assert played.machine.net == 0
    played.machine.want_close("stopped", 2 * MINUTE_MS)
    assert played.machine.close_wanted() is None
    assert played.machine.watch(Decimal(102)) == [], "while something rests it may fill"
    played.ended(*played.machine.resting())
    played.said += played.machine.watch(Decimal(102))
    assert [(trade["cell"], trade["side"], trade["pnl"]) for trade in played.trades] == [
        (1, "long", "3"),
        (2, "short", "3"),
    ]
    assert played.machine.equity(Decimal(102)) == 10_006


def test_the_stop_on_the_other_side_is_seen_in_the_bar_if_nobody_looked_in_time() -> None:
    played = begun()
    played.ask()
    played.close(110, high=121)
    close = played.machine.close_wanted()
    assert close is not None
    assert (close.reason, close.quantity) == ("stop_loss", 6)
    assert len(played.machine.cancels()) == 4
    played.close(101.5)
    assert played.ask() == {}, "it has ended"


def test_what_fills_while_it_is_closed_is_closed_after_it() -> None:
    played = begun()
    played.ask()
    played.said += played.machine.watch(Decimal(90))
    played.fill("exit:0", -1, 6, 90)
    assert played.machine.close_wanted() is None
    played.fill("cell:0:0", 1, 3, 100)
    close = played.machine.close_wanted()
    assert close is not None
    assert close.quantity == 3
    played.fill(close.key, -1, 3, 90)
    assert [trade["exit_reason"] for trade in played.trades] == ["stop_loss"] * 3


def test_no_more_orders_rest_than_may_and_they_follow_the_price() -> None:
    played = begun(resting_max=2)
    assert played.ask().keys() == {"cell:1:0", "cell:0:0"}
    played.close(103.6)
    assert set(played.machine.cancels()) == {"cell:0:0", "cell:1:0"}
    assert played.ask().keys() == {"cell:3:0", "cell:2:0"}
    played.ended("cell:0:0", "cell:1:0")
    played.close(103.6)
    assert set(played.machine.resting()) == {"cell:3:0", "cell:2:0"}


def test_after_a_refusal_what_has_not_left_waits_for_the_next_close() -> None:
    played = begun()
    first, *others = (one.key for one in played.machine.to_send())
    assert len(others) == 3
    played.machine.dropped(first)
    assert played.ask() == {}
    played.close(101.5)
    assert len(played.ask()) == 4


def test_a_grid_is_done_once_its_stop_has_closed_it_and_nothing_of_it_rests() -> None:
    played = begun()
    sent = played.ask()
    played.fill(None, -1, 6, 90, by="stop")
    assert not played.machine.is_done(), "what is cancelled may fill still"
    played.ended(*sent)
    assert played.machine.is_done()
    assert [trade["exit_reason"] for trade in played.trades] == ["stop_loss"] * 2


def test_while_none_may_open_the_nearest_are_those_that_take_off() -> None:
    played = begun(resting_max=2)
    sent = played.ask()
    played.machine.give_up_entries()
    played.ended(*sent)
    played.close(100.2, enter=False)
    assert played.ask().keys() == {"cell:2:0", "cell:3:0"}
