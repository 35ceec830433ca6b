"""Own orders that meet: they trade by price-time priority, or self-match prevention ends one of them or both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.sim_bench import Bench
from tradewright.simulator.accounts.events import OrderFilled
from tradewright.simulator.accounts.orders import Order, OrderStatus


def fills(bench: Bench) -> list[tuple[str, Decimal, Decimal, bool]]:
    """(side, price, quantity, is_maker) of all executions."""
    found = [event for event in bench.events() if isinstance(event, OrderFilled)]
    return [(fill.side, fill.price, fill.quantity, fill.is_maker) for fill in found]


def inside(bench: Bench, qty: str = "0.5", **more: Any) -> Order:
    """A sale that rests inside of the spread: the first that a buyer meets."""
    return bench.place("Sell", qty, "60000.00", **more)


def test_own_orders_are_liquidity_for_each_other_with_a_maker_and_a_taker() -> None:
    bench = Bench()
    resting = inside(bench)
    bench.place("Buy", "0.7")
    price, best = Decimal("60000.00"), Decimal("60000.10")
    assert fills(bench) == [
        ("Sell", price, Decimal("0.5"), True),
        ("Buy", price, Decimal("0.5"), False),
        ("Buy", best, Decimal("0.2"), False),
    ]
    assert (bench.order(resting).status, bench.size) == (OrderStatus.FILLED, Decimal("0.2"))
    fees = price * Decimal("0.5") * Decimal("0.00075") + best * Decimal("0.2") * Decimal("0.00055")
    assert bench.wallet == 100_000 - fees


def test_at_one_price_the_market_that_stood_there_first_is_served_first() -> None:
    bench = Bench()
    own = bench.place("Sell", "0.5", "60000.10")  # behind 1.000 of the market
    bench.place("Buy", "1")
    assert bench.order(own).filled_quantity == 0
    bench.place("Buy", "1.2")
    assert bench.order(own).filled_quantity == Decimal("0.2")


def test_a_post_only_order_must_not_meet_an_own_one_either() -> None:
    bench = Bench()
    inside(bench)
    ended = bench.place("Buy", "0.1", "60000.00", timeInForce="PostOnly")
    assert ended.reject_reason == "EC_PostOnlyWillTakeLiquidity"


@pytest.mark.parametrize(
    ("smp_type", "of_maker", "of_taker", "bought"),
    [
        ("CancelMaker", ("Cancelled", "CancelBySmp"), ("Filled", "UNKNOWN"), "0.7"),
        ("CancelTaker", ("New", "UNKNOWN"), ("Cancelled", "CancelBySmp"), "0"),
        ("CancelBoth", ("Cancelled", "CancelBySmp"), ("Cancelled", "CancelBySmp"), "0"),
    ],
)
def test_the_incoming_order_says_which_of_the_two_ends(
    smp_type: str, of_maker: tuple[str, str], of_taker: tuple[str, str], bought: str
) -> None:
    bench = Bench()
    maker = bench.order(inside(bench, smpType="CancelBoth"))  # the resting one's own wish is void
    taker = bench.place("Buy", "0.7", smpType=smp_type)
    maker = bench.order(maker)
    assert (maker.status.value, maker.cancel_type) == of_maker
    assert (taker.status.value, taker.cancel_type) == of_taker
    assert bench.size == Decimal(bought)
    assert all(not is_maker for *_, is_maker in fills(bench))
    for one, other in ((maker, taker), (taker, maker)):
        assert one.smp_order_id == (other.order_id if one.cancel_type == "CancelBySmp" else "")


def test_what_the_market_gives_before_the_own_order_is_kept() -> None:
    bench = Bench()
    own = bench.place("Sell", "1", "60000.50")
    taker = bench.place("Buy", "3", "60001.00", smpType="CancelTaker")
    assert (taker.filled_quantity, taker.status) == (1, OrderStatus.CANCELLED)
    assert bench.order(own).status is OrderStatus.NEW


def test_an_order_that_cannot_be_filled_whole_leaves_its_own_ones_alone() -> None:
    bench = Bench()
    own = inside(bench)
    taker = bench.place("Buy", "1.2", "60000.10", timeInForce="FOK", smpType="CancelMaker")
    assert taker.reject_reason == "EC_CancelForNoFullFill"
    assert bench.order(own).status is OrderStatus.NEW
    assert bench.place("Buy", "1.2", "60000.10", timeInForce="FOK").status is OrderStatus.FILLED


def test_an_amend_may_bring_own_orders_together() -> None:
    bench = Bench()
    inside(bench)
    bid = bench.place("Buy", "0.3", "59000.00", smpType="CancelBoth")
    bench.amend(bid, price="60000.00")
    assert {order.cancel_type for order in bench.engine.account.orders.values()} == {"CancelBySmp"}
    assert not fills(bench)


def test_a_resting_order_that_only_reduces_gives_no_more_than_there_is_to_reduce() -> None:
    bench = Bench()
    bench.place("Buy", "0.3")
    for _ in range(2):
        bench.place("Sell", "0.3", "60000.00", reduceOnly=True)
    bench.place("Buy", "1", "60000.00", timeInForce="IOC")
    assert [fill for fill in fills(bench) if fill[3]] == [("Sell", Decimal("60000.00"), Decimal("0.3"), True)]
    assert bench.size == Decimal("0.3")


def test_an_entry_whose_position_an_own_order_takes_away_at_once_has_no_stops() -> None:
    bench = Bench()
    inside(bench, takeProfit="59000.00", stopLoss="61000.00")
    bench.place("Buy", "0.5")
    assert bench.size == 0
    assert not bench.stops()


@pytest.mark.parametrize("mode", ["Partial", "Full"])
def test_a_stop_leaves_the_rest_of_its_own_entry_alone(mode: str) -> None:
    """Else each step it took would bring the next stop, a thousand times over."""
    bench = Bench()
    bench.market.quote(bid="59990.00", ask="60000.10", size="0.001")
    entry = bench.place("Sell", "1", "59990.00", stopLoss="59995.00", tpslMode=mode)
    assert fills(bench) == [
        ("Sell", Decimal("59990.00"), Decimal("0.001"), False),
        ("Buy", Decimal("60000.10"), Decimal("0.001"), False),
    ]
    assert (bench.size, bench.order(entry).leaves) == (0, Decimal("0.999"))


def test_own_orders_meet_on_spot_too() -> None:
    bench = Bench(spot=True, coins={"BTC": "1"})
    bench.spot("Sell", "0.1", "60050.00")
    bench.spot("Buy", "6005.0", marketUnit="quoteCoin")
    fee = Decimal("0.001")
    assert bench.coin("BTC") == 1 - Decimal("0.1") * fee
    assert bench.wallet == 100_000 - Decimal("6005") * fee
    ended = bench.spot("Sell", "0.1", "60050.00")
    bench.spot("Buy", "0.1", "60050.00", smpType="CancelMaker", timeInForce="IOC")
    assert bench.order(ended).cancel_type == "CancelBySmp"
