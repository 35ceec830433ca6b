"""Limits of several levels, and the verdict on one order with the numbers that decided."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from tradewright.core.instrument import InstrumentId
from tradewright.core.risk import (
    LIMIT_NAMES,
    Asked,
    Day,
    Effective,
    Exposed,
    Level,
    Limits,
    default_limits,
    judge,
    judge_leverage,
    merged,
    tightest,
)
from tradewright.core.risk_prices import JUMP_BELIEVED_AFTER_S, Believed, PriceView
from tradewright.core.rule_parts import Quotes

BTC = InstrumentId("linear", "BTCUSDT")
FRESH = PriceView(
    quotes=Quotes(last=Decimal(60000), mark=Decimal(60000), bid=Decimal(59999), ask=Decimal(60001)),
    link_age_s=0.0,
    quote_age_s=0.0,
)


def asked(**changes: Any) -> Asked:
    fields: dict[str, Any] = {
        "instrument": BTC,
        "side": "Buy",
        "order_type": "Limit",
        "quantity": Decimal("0.5"),
        "price": Decimal(60000),
    }
    return Asked(**(fields | changes))


def only(**limits: Any) -> Effective:
    return tightest([("account", Limits(**limits))])


def over(found: Any) -> str | None:
    return None if found.over is None else found.over.name


def test_the_tightest_level_decides_each_limit_and_is_named() -> None:
    levels: list[tuple[Level, Limits]] = [
        ("installation", Limits(order_notional=Decimal(100), leverage=Decimal(25), open_orders=Decimal(10))),
        ("workspace", Limits(order_notional=Decimal(50), leverage=Decimal(25))),
        ("account", Limits(order_notional=Decimal(70), open_orders=Decimal(5))),
        ("bot", Limits(daily_loss=Decimal(1))),
    ]
    found = tightest(levels)
    assert found.limits == Limits(
        order_notional=Decimal(50), leverage=Decimal(25), open_orders=Decimal(5), daily_loss=Decimal(1)
    )
    assert [found.level(name) for name in ("order_notional", "leverage", "open_orders", "daily_loss")] == [
        "workspace", "installation", "account", "bot",
    ]  # fmt: skip


def test_no_level_can_allow_more_than_the_one_above() -> None:
    base = default_limits("sim")
    wide = Limits(**{name: Decimal(10**12) for name in LIMIT_NAMES if name != "symbols"})
    kept = {name: base.amount(name) for name in LIMIT_NAMES if name != "symbols" and base.amount(name) is not None}
    found = tightest([("installation", base), ("account", wide)]).limits
    assert {name: found.amount(name) for name in kept} == kept


def test_symbols_are_those_that_every_level_allows() -> None:
    levels: list[tuple[Level, Limits]] = [
        ("installation", Limits(symbols=frozenset({"A", "B"}))),
        ("account", Limits(symbols=frozenset({"B", "C"}))),
    ]
    found = tightest(levels)
    assert (found.limits.symbols, found.level("symbols")) == (frozenset({"B"}), "account")


def test_a_row_of_the_installation_stands_instead_of_the_default_and_may_take_a_limit_away() -> None:
    found = merged(default_limits("sim"), {"daily_loss": None, "open_orders": Decimal(7)})
    assert (found.daily_loss, found.open_orders, found.leverage) == (None, Decimal(7), Decimal(25))


@pytest.mark.parametrize("environment", ["sim", "demo", "testnet", "live"])
def test_every_limit_but_the_symbols_is_on_by_default(environment: Any) -> None:
    limits = default_limits(environment)
    missing = {name for name in LIMIT_NAMES if name != "symbols" and limits.amount(name) is None}
    assert missing == ({"quote_age"} if environment == "sim" else set())


# (the limit, what the order is, what there is already, whether one step over it is refused)
_EDGES: list[tuple[str, Effective, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("order_notional", only(order_notional=Decimal(30000)), {}, {}, {"quantity": Decimal("0.500001")}, {}),
    # A buy below the mark is still worth what it would cost at the mark.
    (
        "order_notional",
        only(order_notional=Decimal(30000)),
        {"price": Decimal(1)},
        {},
        {"quantity": Decimal("0.51")},
        {},
    ),
    (
        "position_notional",
        only(position_notional=Decimal(90000)),
        {},
        {"toward": Decimal("0.5"), "pending": Decimal(30000)},
        {},
        {"toward": Decimal("0.5"), "pending": Decimal("30000.01")},
    ),
    (
        "total_notional",
        only(total_notional=Decimal(90000)),
        {},
        {"elsewhere": Decimal(60000)},
        {},
        {"elsewhere": Decimal("60000.01")},
    ),
    (
        "total_notional",  # the other side of the symbol is the worse one
        only(total_notional=Decimal(90000)),
        {},
        {"opposite": Decimal(90000)},
        {},
        {"opposite": Decimal(90001)},
    ),
    ("open_orders", only(open_orders=Decimal(3)), {}, {"open_orders": 2}, {}, {"open_orders": 3}),
    ("orders_per_minute", only(orders_per_minute=Decimal(3)), {}, {"sent_last_minute": 2}, {}, {"sent_last_minute": 3}),
    ("leverage", only(leverage=Decimal(25)), {}, {"leverage": Decimal(25)}, {}, {"leverage": Decimal("25.01")}),
    (
        "price_distance",
        only(price_distance=Decimal(10)),
        {"price": Decimal(66000)},
        {},
        {"price": Decimal("66000.01")},
        {},
    ),
    (
        "price_distance",
        only(price_distance=Decimal(10)),
        {"side": "Sell", "price": Decimal(54000)},
        {},
        {"side": "Sell", "price": Decimal("53999.99")},
        {},
    ),
    (
        "daily_loss",
        only(daily_loss=Decimal(10)),
        {},
        {"day": Day(loss=Decimal(3), equity_at_start=Decimal(30))},
        {},
        {"day": Day(loss=Decimal("3.0000000000000000001"), equity_at_start=Decimal(30))},
    ),
]


@pytest.mark.parametrize(("limit", "effective", "fits", "held", "more", "held_more"), _EDGES)
def test_what_fits_exactly_goes_and_the_least_step_over_does_not(
    limit: str,
    effective: Effective,
    fits: dict[str, Any],
    held: dict[str, Any],
    more: dict[str, Any],
    held_more: dict[str, Any],
) -> None:
    assert over(judge(asked(**fits), Exposed(**held), FRESH, effective)) is None
    assert over(judge(asked(**(fits | more)), Exposed(**(held | held_more)), FRESH, effective)) == limit


def test_a_limit_price_that_is_better_than_the_mark_is_never_too_far() -> None:
    effective = only(price_distance=Decimal("0.1"))
    assert over(judge(asked(price=Decimal(1)), Exposed(), FRESH, effective)) is None
    assert over(judge(asked(side="Sell", price=Decimal(80000)), Exposed(), FRESH, effective)) is None


def test_a_conditional_order_is_held_against_its_trigger() -> None:
    effective = only(price_distance=Decimal(1))
    stop = asked(price=Decimal(70100), trigger_price=Decimal(70000))
    assert over(judge(stop, Exposed(), FRESH, effective)) is None
    assert (
        over(judge(asked(price=Decimal(70701), trigger_price=Decimal(70000)), Exposed(), FRESH, effective)) is not None
    )


def test_numbers_of_more_digits_than_the_usual_28_are_compared_exactly() -> None:
    price = Decimal("60412.123456789012345678")
    quantity = Decimal("0.123456789012345678")
    view = PriceView(quotes=Quotes(last=price, mark=price), link_age_s=0.0, quote_age_s=0.0)
    order = asked(quantity=quantity, price=price)
    with localcontext() as context:
        context.prec = 60
        exact = quantity * price
        below = exact - Decimal(10) ** -36
    assert over(judge(order, Exposed(), view, only(order_notional=exact))) is None
    assert over(judge(order, Exposed(), view, only(order_notional=below))) == "order_notional"


def test_leverage_may_come_down_to_what_is_still_above_the_limit_and_never_up() -> None:
    effective = only(leverage=Decimal(25))
    assert over(judge_leverage(Decimal(25), None, effective)) is None
    assert over(judge_leverage(Decimal("25.01"), None, effective)) == "leverage"
    assert over(judge_leverage(Decimal(50), Decimal(100), effective)) is None
    assert over(judge_leverage(Decimal(100), Decimal(50), effective)) == "leverage"


def test_a_jump_is_believed_only_once_it_has_stood() -> None:
    believed = Believed()
    assert believed.takes(Decimal(100), 0.0)
    assert believed.takes(Decimal(200), 1.0)  # twice is no jump yet
    assert not believed.takes(Decimal(20_000), 2.0)
    assert not believed.takes(Decimal(20_000), 2.0 + JUMP_BELIEVED_AFTER_S - 1)
    assert believed.takes(Decimal(210), 2.0 + JUMP_BELIEVED_AFTER_S - 0.5)  # it came back
    assert not believed.takes(Decimal(20_000), 400.0)
    assert believed.takes(Decimal(20_100), 400.0 + JUMP_BELIEVED_AFTER_S)


def test_a_jump_that_jumps_on_has_not_stood() -> None:
    believed = Believed()
    assert believed.takes(Decimal(100), 0.0)
    assert not believed.takes(Decimal(1_000), 1.0)
    assert not believed.takes(Decimal(10_000), 200.0)
    assert not believed.takes(Decimal(10_000), 301.0)
