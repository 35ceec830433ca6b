"""Where trading asks the rules: any number that a body may carry is judged and never breaks the judge."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from contract.journal_worlds import BTC_RULES
from tradewright.core.change_rules import Amendable
from tradewright.core.ids import ExchangeOrderId, IntentId, LinkId
from tradewright.core.instrument import InstrumentId, RiskTier
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, Trigger
from tradewright.core.rule_parts import Quotes, Standing
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.checks import body_problems, change_problems, outdated, refusal, setting_problems
from tradewright.trading.model import AmendIntent, CancelIntent, ExitsIntent, LeverageIntent, PlaceIntent

PRICE = Decimal(60000)
QUOTES = Quotes(last=PRICE, mark=PRICE, index=PRICE, bid=PRICE, ask=PRICE)
EXTREMES = [
    Decimal(text)
    for text in ("9" * 24, "-" + "9" * 24, "0." + "0" * 17 + "1", "0", "-0", "9" * 24 + "." + "9" * 18, "60000")
]
TIER = RiskTier(
    value_max=Decimal(2_000_000), maintenance_rate=Decimal("0.005"), deduction=Decimal(0), leverage_max=Decimal(100)
)
LINEAR = replace(BTC_RULES, risk_tiers=(TIER,), price_limit_ratio_x=Decimal("0.05"), price_limit_ratio_y=Decimal("0.1"))
SPOT = replace(LINEAR, id=InstrumentId("spot", "BTCUSDT"), quote_step=Decimal("0.00000001"))
LONG = Standing(
    position_side="Buy", position_size=Decimal(1), position_value=PRICE, leverage=Decimal(10),
    liquidation_price=Decimal(50000), cost=Decimal(1), available=Decimal(2),
)  # fmt: skip


def body(**changes: Any) -> PlaceBody:
    fields: dict[str, Any] = {
        "id": IntentId(UUID(int=1)), "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "order_type": "Limit",
        "quantity": Decimal(1), "price": PRICE, "time_in_force": "GTC", "reduce_only": False, "note": None,
    }  # fmt: skip
    return PlaceBody(**(fields | changes))


@pytest.mark.parametrize("rules", [LINEAR, SPOT], ids=["linear", "spot"])
@pytest.mark.parametrize("unit", ["base", "quote"])
@pytest.mark.parametrize("order_type", ["Limit", "Market"])
def test_no_number_of_a_place_breaks_its_judge(rules: Any, unit: Any, order_type: Any) -> None:
    for side, one, other in itertools.product(("Buy", "Sell"), EXTREMES, EXTREMES):
        for asked in (
            body(side=side, quantity=one, price=other),
            body(side=side, quantity=one, price=None, slippage_percent=other),
            body(side=side, quantity=one, trigger=Trigger(price=other, by="MarkPrice", rises=True)),
            body(
                side=side, take_profit=Exit(trigger_price=one, limit_price=other), stop_loss=Exit(trigger_price=other)
            ),
        ):
            body_problems(rules, replace(asked, order_type=order_type, quantity_unit=unit), QUOTES, LONG)


def test_exits_go_unless_their_position_has_turned() -> None:
    exits = ExitsIntent(
        id=IntentId(UUID(int=2)), state="proposed", instrument=LINEAR.id, valid_until=None, reduces=True,
        exits=PositionExits(stop_loss=Decimal(59000)),
    )  # fmt: skip
    assert outdated(exits) is None
    turned = outdated(replace(exits, is_outdated=True))
    assert turned is not None
    assert turned.code == "position.changed"


def test_no_number_of_a_change_breaks_its_judge() -> None:
    order = Amendable(
        side="Buy", order_type="Limit", quantity=Decimal(1), filled=Decimal(0), price=PRICE, reduce_only=False,
        trigger=Trigger(price=Decimal(61000), by="LastPrice", rises=True),
    )  # fmt: skip
    for one, other in itertools.product(EXTREMES, EXTREMES):
        for change in (OrderChange(quantity=one, price=other), OrderChange(trigger_price=one, stop_loss=other)):
            change_problems(LINEAR, order, change, QUOTES, is_behind=False)
        setting_problems(LINEAR, PositionExits(take_profit=one, stop_loss=other), QUOTES, LONG)
        setting_problems(LINEAR, one, QUOTES, LONG)


NAMES: dict[str, Any] = {
    "id": IntentId(UUID(int=1)), "state": "proposed", "target_id": UUID(int=2), "instrument": LINEAR.id,
    "target_link_id": LinkId("tw"), "target_exchange_order_id": ExchangeOrderId("x-1"),
}  # fmt: skip
CHANGE = OrderChange(price=PRICE)


def amend(**changes: Any) -> AmendIntent:
    fields: dict[str, Any] = {
        "target_final": False, "asked": CHANGE, "change": CHANGE, "reduces": False, "valid_until": None,
        "is_behind": False,
    }  # fmt: skip
    return AmendIntent(**NAMES, **(fields | changes))


def place(quantity: str = "1", **changes: Any) -> PlaceIntent:
    order = NewOrder(
        link_id=LinkId("tw"), instrument=LINEAR.id, side="Sell", order_type="Market", quantity=Decimal(quantity),
        price=None, time_in_force="IOC", reduce_only=True,
    )  # fmt: skip
    return PlaceIntent(id=IntentId(UUID(int=1)), state="proposed", order=order, valid_until=None, **changes)


@pytest.mark.parametrize(
    ("intent", "rules", "code"),
    [
        (CancelIntent(**NAMES, target_final=True), LINEAR, "order.already_final"),
        (CancelIntent(**NAMES, target_final=False), None, None),  # a cancel never waits for the list of instruments
        (amend(target_final=True), LINEAR, "order.already_final"),
        (amend(change=OrderChange()), LINEAR, "amend.nothing_changes"),
        (amend(), None, "order.instrument_unknown"),
        (amend(), LINEAR, None),
        (place(), LINEAR, None),  # a close without a bound of slippage, of a position that we may not know of
        (place("0.0001"), LINEAR, "order.quantity_min"),
        (place(), replace(LINEAR, status="Closed"), "order.instrument_not_trading"),
        (place(is_outdated=True), LINEAR, "position.changed"),
        (place(), None, "order.instrument_unknown"),
        (
            LeverageIntent(
                id=IntentId(UUID(int=1)), state="proposed", instrument=LINEAR.id, leverage=Decimal(101),
                valid_until=None, is_behind=False,
            ),
            LINEAR,
            "leverage.range",
        ),
    ],
)  # fmt: skip
def test_the_owner_judges_once_more_what_it_knows_for_certain(intent: Any, rules: Any, code: str | None) -> None:
    found = refusal(intent, rules)
    assert (None if found is None else found.code) == code
