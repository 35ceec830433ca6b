"""The way of the price through a bar: its turns, and where it stops in between."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from tradewright.backtest.feed import Piece
from tradewright.lab.path import next_point, turns
from tradewright.strategy.prices import Direction

TICK = Decimal("0.5")


def way(
    now: str,
    to: str,
    *,
    levels: Sequence[str] = (),
    resting: Sequence[tuple[Direction, str]] = (),
) -> list[str]:
    """Every point from one price to another, as if nothing that waits there ever went away."""
    price, end, points = Decimal(now), Decimal(to), list[str]()
    while price != end:
        price = next_point(
            price,
            end,
            levels=[Decimal(level) for level in levels],
            resting=[(side, Decimal(level)) for side, level in resting],
            tick=TICK,
        )
        points.append(str(price))
        assert len(points) < 20, "it goes on and on"
    return points


def test_a_bar_that_closes_at_or_above_its_open_goes_down_first() -> None:
    assert turns(Piece(0, 100.0, 104.0, 97.0, 101.0)) == (97, 104, 101)
    assert turns(Piece(0, 100.0, 104.0, 97.0, 100.0)) == (97, 104, 100)
    assert turns(Piece(0, 100.0, 104.0, 97.0, 99.5)) == (104, 97, Decimal("99.5"))


def test_the_price_stops_at_each_level_that_waits_and_in_their_order() -> None:
    assert way("100", "97", levels=["98", "99", "96", "101"]) == ["99", "98", "97"]
    assert way("100", "103", levels=["103", "101.25", "100"]) == ["101.25", "103"]


def test_the_price_stops_just_beyond_an_order_that_rests_on_its_way() -> None:
    assert way("100", "97", resting=[(1, "99"), (-1, "98")]) == ["98.5", "97"], "a sell is not passed on the way down"
    assert way("100", "103", resting=[(-1, "101"), (1, "102")]) == ["101.5", "103"]
    assert way("99", "98", resting=[(1, "99")]) == ["98.5", "98"], "one at the last price is passed as the price leaves"


@pytest.mark.parametrize("end", ["99", "98.8"])
def test_an_order_that_is_only_touched_or_passed_by_less_than_a_tick_makes_no_stop_of_its_own(end: str) -> None:
    assert way("100", end, resting=[(1, "99")]) == [end]
