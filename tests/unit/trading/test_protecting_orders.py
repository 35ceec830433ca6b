"""Which orders a kill switch leaves alone, because a position that stays open would be naked without them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sim.facts import order_report, position
from tradewright.core.instrument import InstrumentId
from tradewright.trading.kill.emergency import is_protecting

ETH = InstrumentId("linear", "ETHUSDT")
STOP: dict[str, Any] = {"side": "Sell", "reduce_only": True, "trigger_price": Decimal(50000)}


def long(size: str = "0.5", **changes: Any) -> Any:
    return position(size, **({"side": "Buy"} | changes))


@pytest.mark.parametrize(
    "order",
    [
        STOP,
        {"side": "Sell", "close_on_trigger": True},
        {"side": "Sell", "stop_order_type": "StopLoss"},
        {"side": "Sell", "parent_link_id": "tw1"},
    ],
)
def test_what_can_only_take_an_open_position_off_at_a_price_protects_it(order: dict[str, Any]) -> None:
    report = order_report("waiting_trigger", **order)
    assert is_protecting(report, [long()])
    assert is_protecting(report, [long(instrument=ETH), long()])
    assert not is_protecting(report, [])
    assert not is_protecting(report, [long("0")]), "there is nothing left of it"
    assert not is_protecting(report, [long(instrument=ETH)]), "it is of another symbol"
    assert not is_protecting(report, [long(side="Sell")]), "it would add to that one"


def test_what_adds_to_a_position_or_goes_at_once_does_not_protect_it() -> None:
    for order in (STOP | {"reduce_only": False}, STOP | {"trigger_price": None}, STOP | {"side": "Buy"}):
        assert not is_protecting(order_report(**order), [long()])


@pytest.mark.parametrize(("held", "of_order", "protects"), [(0, 0, True), (0, 1, True), (1, 1, True), (1, 2, False)])
def test_of_two_legs_the_stop_of_one_does_not_protect_the_other(held: int, of_order: int, protects: bool) -> None:
    assert is_protecting(order_report(**STOP, position_index=of_order), [long(position_index=held)]) is protects
