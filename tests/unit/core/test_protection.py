"""What protects a position: the plan that follows from fills and exits, and what of the exchange's reports counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from sim.facts import BTC, order_report, position
from tradewright.core.protection import (
    Asked,
    AskedStop,
    BookedFill,
    Closing,
    Naked,
    PlannedStop,
    Protected,
    is_passed,
    judge,
    planned,
)

T0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def stop_of(number: int, price: int) -> PlannedStop:
    return PlannedStop(price=Decimal(price), by="LastPrice", origin=UUID(int=number))


def fill(second: float, signed: str, stop: PlannedStop | None = None) -> BookedFill:
    return BookedFill(at=at(second), signed=Decimal(signed), stop=stop)


def exits(second: float, number: int, price: int, *, side: Any = "Buy", is_open: bool = False) -> AskedStop:
    return AskedStop(
        origin=UUID(int=number), side=side, price=Decimal(price), by="LastPrice", at=at(second), is_open=is_open
    )


def asked(*fills: BookedFill, stops: tuple[AskedStop, ...] = (), base: str = "0", reaches_back: bool = True) -> Asked:
    """Fills as they happened, oldest first."""
    return Asked(
        booked=Decimal(base) + sum(each.signed for each in fills),
        fills=list(reversed(fills)),
        stops=list(reversed(stops)),
        reaches_back=reaches_back,
    )


def plan_of(found: Asked, side: Any = "Buy", size: str = "1") -> PlannedStop | None:
    plan = planned(found, side, Decimal(size))
    assert plan is not None
    return plan.stop


FIRST, SECOND = stop_of(1, 57000), stop_of(2, 58000)


def test_a_position_has_the_stop_that_its_order_carried() -> None:
    assert plan_of(asked(fill(1, "0.4", FIRST), fill(2, "0.6", FIRST))) == FIRST


def test_what_was_asked_last_is_in_force() -> None:
    assert plan_of(asked(fill(1, "0.4", FIRST), fill(2, "0.6", SECOND))) == SECOND
    moved = asked(fill(1, "1", FIRST), stops=(exits(5, 3, 59000),))
    assert plan_of(moved) == stop_of(3, 59000)
    assert plan_of(asked(fill(1, "0.4", FIRST), fill(6, "0.6", SECOND), stops=(exits(5, 3, 59000),))) == SECOND


def test_what_was_added_without_a_stop_leaves_the_plan() -> None:
    assert plan_of(asked(fill(1, "0.4", FIRST), fill(2, "0.6"))) == FIRST


def test_a_stop_that_was_removed_is_no_plan_until_another_is_asked_for() -> None:
    removed = planned(asked(fill(1, "1", FIRST), stops=(exits(5, 3, 0),)), "Buy", Decimal(1))
    assert removed is not None
    assert (removed.stop, removed.is_removed) == (None, True)
    assert plan_of(asked(fill(1, "0.4", FIRST), fill(9, "0.6", SECOND), stops=(exits(5, 3, 0),))) == SECOND


def test_another_life_of_the_position_has_a_plan_of_its_own() -> None:
    again = asked(fill(1, "1", FIRST), fill(2, "-1"), fill(3, "1"))
    assert plan_of(again) is None
    assert plan_of(asked(fill(1, "1"), fill(3, "-1"), fill(4, "1"), stops=(exits(2, 3, 59000),))) is None
    assert plan_of(asked(fill(1, "1"), fill(3, "-1"), fill(4, "1"), stops=(exits(5, 3, 59000),))) == stop_of(3, 59000)


def test_a_fill_that_turns_the_position_begins_its_life_and_brings_its_stop() -> None:
    turned = asked(fill(1, "1", FIRST), fill(2, "-2", stop_of(2, 63000)))
    assert plan_of(turned, "Sell") == stop_of(2, 63000)
    assert plan_of(asked(fill(1, "1", FIRST), fill(2, "-2")), "Sell") is None


def test_the_stop_of_an_order_that_only_took_off_is_not_the_positions() -> None:
    reduced = asked(fill(1, "1", FIRST), fill(2, "-0.4", stop_of(2, 63000)))
    assert plan_of(reduced, size="0.6") == FIRST


def test_two_fills_of_one_millisecond_belong_each_to_their_life() -> None:
    same = asked(fill(1, "1", FIRST), fill(2, "-1"), fill(2, "1", SECOND))
    assert plan_of(same) == SECOND


def test_exits_that_were_meant_for_the_other_side_are_no_plan() -> None:
    assert plan_of(asked(fill(1, "1"), stops=(exits(5, 3, 59000, side="Sell"),))) is None


def test_of_a_position_that_was_there_before_us_whatever_was_asked_counts() -> None:
    assert plan_of(asked(stops=(exits(5, 3, 59000),), base="1")) == stop_of(3, 59000)
    plan = planned(asked(fill(2, "0.5"), stops=(exits(1, 3, 59000),), base="0.5"), "Buy", Decimal(1))
    assert plan is not None
    assert plan.stop == stop_of(3, 59000)


@pytest.mark.parametrize("booked", [(), (fill(1, "-1"),)])
def test_without_fills_of_its_side_nobody_can_say(booked: tuple[BookedFill, ...]) -> None:
    assert planned(asked(*booked), "Buy", Decimal(1)) is None


def test_fills_that_are_missing_are_told() -> None:
    plan = planned(asked(fill(1, "0.4", FIRST)), "Buy", Decimal(1))
    assert plan is not None
    assert (plan.stop, plan.adds_up) == (FIRST, False)


def test_a_life_longer_than_what_was_read_says_that_it_is_not_whole() -> None:
    plan = planned(asked(fill(1, "0.1"), base="5", reaches_back=False), "Buy", Decimal("5.1"))
    assert plan is not None
    assert (plan.stop, plan.is_whole, plan.is_removed) == (None, False, False)


def test_exits_on_their_way_are_no_plan_yet_and_leave_it_in_doubt() -> None:
    plan = planned(asked(fill(1, "1", FIRST), stops=(exits(5, 3, 0, is_open=True),)), "Buy", Decimal(1))
    assert plan is not None
    assert (plan.stop, plan.in_doubt, plan.may_be_removed) == (FIRST, True, True)
    moved = planned(asked(fill(1, "1", FIRST), stops=(exits(5, 3, 59000, is_open=True),)), "Buy", Decimal(1))
    assert moved is not None
    assert (moved.stop, moved.in_doubt, moved.may_be_removed) == (FIRST, True, False)


# What is shown.


def leg(
    kind: str = "StopLoss", quantity: str = "1", price: int = 57000, state: Any = "waiting_trigger", **more: Any
) -> Any:
    fields = {
        "side": "Sell", "order_type": "Market", "quantity": Decimal(quantity), "price": None, "reduce_only": True,
        "trigger_price": Decimal(price), "stop_order_type": kind, "link_id": "", "instrument": BTC,
    }  # fmt: skip
    return order_report(state, **(fields | more))


def test_the_positions_own_stop_protects_all_of_it() -> None:
    held = position("1", stop_loss=Decimal(57000))
    assert judge(held, [leg()]) == Protected(price=Decimal(57000), is_whole=True, is_seen=True)
    assert judge(held, []) == Protected(price=Decimal(57000), is_whole=True, is_seen=False)


def test_a_position_without_any_stop_is_naked() -> None:
    assert judge(position("1"), []) == Naked(rest=Decimal(1), why="protection.missing")
    profit = leg("TakeProfit", price=63000)
    assert judge(position("1"), [profit]) == Naked(rest=Decimal(1), why="protection.missing")


def test_stops_of_parts_protect_what_they_add_up_to() -> None:
    half = leg("PartialStopLoss", "0.5", 57000)
    other = leg("PartialStopLoss", "0.5", 56000, exchange_order_id="x-2")
    assert judge(position("1"), [half]) == Naked(rest=Decimal("0.5"), why="protection.partial")
    assert judge(position("1"), [half, other]) == Protected(price=Decimal(56000), is_whole=False)


def test_a_conditional_order_that_only_reduces_and_waits_below_is_a_stop() -> None:
    stop = leg("Stop", "1", 57000, trigger_rises=False)
    assert judge(position("1"), [stop]) == Protected(price=Decimal(57000), is_whole=False)
    for no_stop in (
        leg("Stop", "1", 63000, trigger_rises=True),
        leg("Stop", "1", 57000, trigger_rises=False, reduce_only=False),
        leg("Stop", "1", 57000, trigger_rises=False, side="Buy"),
        leg("Stop", "1", 57000, trigger_rises=False, position_index=1),
        leg("Stop", "1", 57000, trigger_rises=None),
    ):
        assert isinstance(judge(position("1"), [no_stop]), Naked)


@pytest.mark.parametrize(
    ("side", "stop", "liquidation", "is_protected"),
    [
        ("Buy", 57000, 56000, True), ("Buy", 57000, 57000, False), ("Buy", 57000, 58000, False),
        ("Sell", 63000, 64000, True), ("Sell", 63000, 62000, False), ("Buy", 57000, 0, True),
        ("Buy", 57000, None, True),
    ],
)  # fmt: skip
def test_a_stop_that_the_liquidation_would_come_before_protects_nothing(
    side: Any, stop: int, liquidation: int | None, is_protected: bool
) -> None:
    held = position(
        "1",
        side=side,
        stop_loss=Decimal(stop),
        liquidation_price=None if liquidation is None else Decimal(liquidation),
    )
    found = judge(held, [])
    assert isinstance(found, Protected) is is_protected
    if not is_protected:
        assert found == Naked(rest=Decimal(1), why="protection.beyond_liquidation")


def test_a_stop_that_was_set_off_is_closing_and_one_at_a_limit_may_rest_for_ever() -> None:
    assert judge(position("1"), [leg(state="working")]) == Closing()
    assert judge(position("1"), [leg("PartialStopLoss", state="partially_filled")]) == Closing()
    limit = leg("PartialStopLoss", state="working", order_type="Limit", price=Decimal(57000))
    assert isinstance(judge(position("1"), [limit]), Naked)


def test_the_stop_of_a_short_position_lies_above() -> None:
    stop = leg("Stop", "1", 63000, trigger_rises=True, side="Buy")
    assert judge(position("1", side="Sell"), [stop]) == Protected(price=Decimal(63000), is_whole=False)


def test_a_stop_is_passed_at_its_price() -> None:
    assert is_passed(Decimal(57000), Decimal(57000), "Buy")
    assert not is_passed(Decimal(57000), Decimal("57000.1"), "Buy")
    assert is_passed(Decimal(63000), Decimal(63001), "Sell")
    assert not is_passed(Decimal(57000), None, "Buy")
