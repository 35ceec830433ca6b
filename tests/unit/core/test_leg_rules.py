"""Which leg an order is for: what the exchange would refuse or take for something else is refused here."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from contract.journal_worlds import BTC_RULES
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.leg_rules import index_problems, leg_problems, may_hedge
from tradewright.core.order import PositionExits

SPOT = replace(BTC_RULES, id=InstrumentId("spot", "BTCUSDT"))
DATED = replace(BTC_RULES, id=InstrumentId("linear", "BTCUSDT-25DEC26"))
USDC = replace(BTC_RULES, settle_coin="USDC")


def test_two_legs_are_held_of_perpetuals_in_usdt_alone() -> None:
    assert [may_hedge(one) for one in (BTC_RULES, SPOT, DATED, USDC)] == [True, False, False, False]


@pytest.mark.parametrize("instrument", [SPOT, DATED, USDC])
@pytest.mark.parametrize("hedged", [None, False])
def test_what_cannot_have_legs_has_none_whatever_is_known(instrument: object, hedged: bool | None) -> None:
    found = index_problems(instrument, 1, hedged=hedged)  # type: ignore[arg-type]
    assert [problem.code for problem in found] == ["order.leg_one_way"]
    assert index_problems(instrument, 0, hedged=hedged) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hedged", "index", "code"),
    [
        (True, 0, "order.leg_required"),
        (True, 1, None),
        (True, 2, None),
        (False, 0, None),
        (False, 1, "order.leg_one_way"),
        (False, 2, "order.leg_one_way"),
        (None, 0, None),
        (None, 1, None),
        (None, 2, None),
    ],
)
def test_an_index_fits_the_mode_where_it_is_known(hedged: bool | None, index: int, code: str | None) -> None:
    found = [problem.code for problem in index_problems(BTC_RULES, index, hedged=hedged)]
    assert found == ([] if code is None else [code])


def test_on_a_leg_exactly_what_opens_is_no_reduce_only_and_exactly_what_closes_is() -> None:
    opening: set[tuple[int, Side]] = {(1, "Buy"), (2, "Sell")}
    sides: tuple[Side, ...] = ("Buy", "Sell")
    for index, side, reduce_only, hedged in product((1, 2), sides, (False, True), (True, None)):
        found = leg_problems(BTC_RULES, index, side, reduce_only=reduce_only, hedged=hedged)
        fits = reduce_only is ((index, side) not in opening)
        assert (found == []) is fits, (index, side, reduce_only)


def test_exits_that_take_any_of_the_three_away_remove_one() -> None:
    for name in ("take_profit", "stop_loss", "trailing_stop"):
        assert PositionExits(**{name: Decimal(0)}).removes_one  # type: ignore[arg-type]
        assert not PositionExits(**{name: Decimal(5)}).removes_one  # type: ignore[arg-type]
    assert not PositionExits().removes_one
