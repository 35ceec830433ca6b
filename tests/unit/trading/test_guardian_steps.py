"""What the guardian does next about a position without a stop."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from sim.facts import BTC
from tradewright.core.protection import PlannedStop
from tradewright.trading.guardian.model import Guarded, GuardSettings
from tradewright.trading.guardian.steps import Outcome, Standing, step

SETTINGS = GuardSettings(grace_s=2.0, flatten_after_s=30.0, repairs_max=3)
STOP = PlannedStop(price=Decimal(57000), by="LastPrice", origin=UUID(int=1))
GUARDED = Guarded(instrument=BTC, position_index=0, side="Buy", stop=STOP, state="naked")
OPEN = Outcome("sending", is_open=True)


def chosen(naked_for_s: float, guarded: Guarded = GUARDED, **more: Any) -> str:
    fields: dict[str, Any] = {"is_passed": False, "others_open": False, "repair": None, "close": None}
    return step(guarded, Standing(naked_for_s=naked_for_s, **(fields | more)), SETTINGS)


def ended(state: Any = "rejected", for_s: float = 60.0, **more: Any) -> Outcome:
    return Outcome(state, is_open=False, ended_for_s=for_s, **more)


def test_within_the_grace_nothing_is_done_and_then_the_stop_is_asked_for_again() -> None:
    assert chosen(1.9) == "wait"
    assert chosen(2.0) == "repair"


def test_one_repair_at_a_time_with_growing_pauses_and_not_for_ever() -> None:
    once = replace(GUARDED, repairs=1)
    assert chosen(5, once, repair=OPEN) == "wait"
    assert chosen(5, once, repair=ended(for_s=1.9)) == "wait"
    assert chosen(5, once, repair=ended(for_s=2.0)) == "repair"
    assert chosen(9, replace(GUARDED, repairs=2), repair=ended(for_s=3.9)) == "wait"
    assert chosen(29, replace(GUARDED, repairs=3), repair=ended()) == "wait"


def test_exits_that_somebody_asked_for_are_waited_for_but_the_time_goes_on() -> None:
    assert chosen(5, others_open=True) == "wait"
    assert chosen(30, others_open=True) == "close"


@pytest.mark.parametrize("repair", [None, OPEN, ended()])
def test_after_the_stated_time_it_is_closed_whatever_became_of_the_repair(repair: Outcome | None) -> None:
    assert chosen(29.9, replace(GUARDED, repairs=3), repair=repair) == "wait"
    assert chosen(30.0, replace(GUARDED, repairs=3), repair=repair) == "close"


def test_a_price_beyond_the_stop_closes_at_once_where_that_is_certain() -> None:
    assert chosen(2, is_passed=True) == "repair", "the mark is not the price that this stop watches"
    assert chosen(3, replace(GUARDED, repairs=1), is_passed=True, repair=OPEN) == "wait"
    assert chosen(3, replace(GUARDED, repairs=1), is_passed=True, repair=ended(for_s=0.0)) == "close"
    by_mark = replace(GUARDED, stop=replace(STOP, by="MarkPrice"))
    assert chosen(2, by_mark, is_passed=True) == "close"


@pytest.mark.parametrize("told", [{"exchange_code": 110093}, {"reason": "exchange.trigger_passed"}])
def test_a_repair_refused_because_the_price_has_passed_closes_at_once(told: dict[str, Any]) -> None:
    assert chosen(3, replace(GUARDED, repairs=1), repair=ended(for_s=0.0, **told)) == "close"


def test_one_close_at_a_time_and_another_only_once_the_first_is_known_to_have_left_something() -> None:
    once = replace(GUARDED, closes=1)
    assert chosen(40, once, close=OPEN) == "wait"
    assert chosen(40, once, close=ended("acknowledged", for_s=1.9)) == "wait"
    assert chosen(40, once, close=ended("acknowledged", for_s=2.0)) == "close"
    assert chosen(400, replace(GUARDED, closes=5), close=ended(for_s=59)) == "wait"
    assert chosen(400, replace(GUARDED, closes=5), close=ended(for_s=60)) == "close"
