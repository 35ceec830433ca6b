"""The rules of orders and of changes, held to the same vectors as the page's twins (`frontend/src/rules`)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tradewright.core.change_rules import Amendable, amend_problems, exits_problems, leverage_problems
from tradewright.core.order import OrderChange, PositionExits
from tradewright.core.order_rules import place_problems, place_warnings
from unit.core.vectors import draft_of, instrument_of, load, number, quotes_of, standing_of, told, trigger_of

DRAFTS = load("draft_rules.json")
CHANGES = load("change_rules.json")


def _name(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", DRAFTS["cases"], ids=_name)
def test_an_order_has_exactly_the_problems_and_warnings_of_its_vector(case: dict[str, Any]) -> None:
    judged = (
        instrument_of(DRAFTS["instruments"][case["instrument"]]),
        draft_of(case["draft"]),
        quotes_of(case["quotes"]),
        standing_of(case["standing"]),
    )
    assert told(place_problems(*judged)) == case["problems"]
    assert told(place_warnings(*judged)) == case["warnings"]


@pytest.mark.parametrize("case", CHANGES["amends"], ids=_name)
def test_an_amend_has_exactly_the_problems_of_its_vector(case: dict[str, Any]) -> None:
    row = case["order"]
    order = Amendable(
        side=row["side"],
        order_type=row["order_type"],
        quantity=Decimal(row["quantity"]),
        filled=Decimal(row["filled"]),
        price=number(row["price"]),
        reduce_only=row["reduce_only"],
        trigger=trigger_of(row["trigger"]),
        take_profit=number(row["take_profit"]),
        stop_loss=number(row["stop_loss"]),
    )
    change = OrderChange(**{name: number(value) for name, value in case["change"].items()})
    instrument = instrument_of(CHANGES["instruments"][case["instrument"]])
    assert told(amend_problems(instrument, order, change, quotes_of(case["quotes"]))) == case["problems"]


@pytest.mark.parametrize("case", CHANGES["exits"], ids=_name)
def test_exits_have_exactly_the_problems_of_their_vector(case: dict[str, Any]) -> None:
    row = case["exits"]
    exits = PositionExits(
        take_profit=number(row["take_profit"]),
        stop_loss=number(row["stop_loss"]),
        take_profit_by=row["take_profit_by"],
        stop_loss_by=row["stop_loss_by"],
    )
    instrument = instrument_of(CHANGES["instruments"][case["instrument"]])
    found = exits_problems(instrument, exits, quotes_of(case["quotes"]), standing_of(case["standing"]))
    assert told(found) == case["problems"]


@pytest.mark.parametrize("case", CHANGES["leverages"], ids=_name)
def test_a_leverage_has_exactly_the_problems_of_its_vector(case: dict[str, Any]) -> None:
    instrument = instrument_of(CHANGES["instruments"][case["instrument"]])
    found = leverage_problems(instrument, Decimal(case["leverage"]), number(case["position_value"]))
    assert told(found) == case["problems"]
