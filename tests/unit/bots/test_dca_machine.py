"""What a dca machine makes of orders that never left or bought nothing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tradewright.bots.machines.dca import DcaMachine
from tradewright.bots.machines.model import OwnFill, Setup, Taker
from tradewright.core.money import exactly
from tradewright.strategy.check import check_text
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.model import Dca
from tradewright.strategy.prices import Filters

MINUTE_MS = 60_000
ONCE = """\
version: 1
kind: dca
name: Once
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
dca: { side: long, start: now, base: { quote: 500 },
       safety: { count: 2, quote: 500, step_pct: 1, step_scale: 1, size_scale: 1 }, take_profit_pct: 1, repeat: false }
"""


class Played:
    def __init__(self) -> None:
        strategy = check_text(ONCE).strategy
        assert strategy is not None
        assert isinstance(strategy.plan, Dca)
        filters = Filters(tick_size=Decimal("0.1"), quantity_step=Decimal(1))
        setup = Setup(filters=filters, capital=Decimal(10_000), taker_rate=Decimal(0), first_open_ms=0)
        self.machine = DcaMachine(strategy, strategy.plan, setup)
        self.evaluator = Evaluator(strategy.program)
        self.bars = 0

    def close(self) -> None:
        bar = Bar(self.bars * MINUTE_MS, 100.0, 100.0, 100.0, 100.0, 1.0, 100.0)
        self.bars += 1
        self.machine.on_close(bar, self.evaluator.close(bar), may_enter=True)

    def ask(self) -> list[str]:
        keys = [one.key for one in self.machine.to_send()]
        for key in keys:
            self.machine.on_asked(key)
        return keys

    def fill(self, key: str | None, direction: int, quantity: int, price: int, by: Taker = "own") -> None:
        fill = OwnFill(
            by=by,
            key=key,
            direction=1 if direction > 0 else -1,
            quantity=Decimal(quantity),
            price=Decimal(price),
            fee=Decimal(0),
            bar_open_ms=self.bars * MINUTE_MS,
        )
        self.machine.on_fill(fill)


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    with exactly():
        yield


@pytest.mark.parametrize("how", ["never left", "bought nothing", "was given up"])
def test_a_cycle_that_never_began_may_begin_later(how: str) -> None:
    played = Played()
    played.close()
    if how == "bought nothing":
        assert played.ask() == ["base:0"]
        played.machine.on_ended("base:0")
    elif how == "never left":
        played.machine.dropped("base:0")
    else:
        assert played.machine.give_up_entries() == ["base:0"]
    assert not played.machine.is_done()
    played.close()
    assert played.ask() == ["base:60000"]


def test_the_one_cycle_is_done_once_its_orders_are_gone_and_no_other_begins() -> None:
    played = Played()
    played.close()
    played.ask()
    played.fill("base:0", 1, 5, 100)
    safety = played.ask()
    assert safety == ["safety:0:1", "safety:0:2"]
    played.fill(None, -1, 5, 101, by="target")
    assert not played.machine.is_done()
    assert played.machine.cancels() == safety
    for key in safety:
        played.machine.on_ended(key)
    assert played.machine.is_done()
    played.close()
    assert played.ask() == []
