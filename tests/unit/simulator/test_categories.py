"""Orders of every category: what their quantities are worth, which ids and filters they have, which codes they meet."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from support.scripted_market import BTCUSD, CALL, FUTURE, USDC_PERP
from support.sim_bench import Bench
from tradewright.simulator.accounts.events import SettingChanged
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.errors import ApiError

OPTION = {"category": "option", "symbol": CALL.symbol, "orderLinkId": "mine"}


def bench_with_all() -> Bench:
    return Bench(others=(BTCUSD, USDC_PERP, FUTURE, CALL), coins={"BTC": "3", "USDC": "100000"})


def refusal(bench: Bench, side: str, qty: str, price: str | None = None, **more: Any) -> int:
    before = len(bench.log.entries)
    with pytest.raises(ApiError) as caught:
        bench.accept(side, qty, price, **more)
    assert len(bench.log.entries) == before
    return int(caught.value.code)


def test_an_inverse_contract_is_counted_in_dollars_and_paid_in_its_coin() -> None:
    """6000 contracts at 60000.50 are worth 6000 / 60000.50 BTC; a taker pays 0.055 % of it."""
    bench = bench_with_all()
    order = bench.place("Buy", "6000", category="inverse", symbol="BTCUSD")
    value = (Decimal(6000) / Decimal("60000.50")).quantize(Decimal("1E-8"))
    fee = (value * Decimal("0.00055")).quantize(Decimal("1E-8"))
    assert (order.status, order.filled_quantity, order.filled_value) == (OrderStatus.FILLED, 6000, value)
    assert bench.coin("BTC") == 3 - fee
    assert bench.wallet == 100_000

    bench.place("Sell", "6000", "59999.50", category="inverse", symbol="BTCUSD")
    sold = (Decimal(6000) / Decimal("59999.50")).quantize(Decimal("1E-8"))
    lost = value - sold  # a long loses coin when the price falls: what it sells for is more coin than it bought
    assert lost < 0
    assert bench.coin("BTC") == 3 - fee - (sold * Decimal("0.00055")).quantize(Decimal("1E-8")) + lost


def test_the_average_price_of_a_few_dollars_is_that_of_the_fill() -> None:
    """One dollar is 0.00001667 BTC on the books, which would be bought at 59988."""
    bench = bench_with_all()
    inverse = {"category": "inverse", "symbol": "BTCUSD"}
    order = bench.place("Buy", "7", **inverse)
    bench.place("Sell", "6", reduceOnly=True, **inverse)
    position = bench.engine.account.position("inverse:BTCUSD")
    for average in (order.average_price, position.average_price):
        assert average is not None
        assert average.quantize(Decimal("1E-8")) == Decimal("60000.50")


def test_a_contract_pays_in_what_it_settles_in() -> None:
    bench = bench_with_all()
    bench.place("Buy", "1", symbol="BTCPERP")
    bench.place("Buy", "1", symbol=FUTURE.symbol)
    assert bench.coin("USDC") == 100_000 - Decimal("60000.10") * Decimal("0.00055")
    assert bench.wallet == 100_000 - Decimal("60000.10") * Decimal("0.00055")


def test_an_option_is_bought_for_its_premium_and_costs_a_share_of_the_underlying_at_most() -> None:
    """1 call at 1205: the premium leaves the wallet; 0.03 % of 60000 is 18, less than 7 % of the premium."""
    bench = bench_with_all()
    order = bench.place("Buy", "1", **OPTION)
    assert order.status is OrderStatus.FILLED
    assert bench.wallet == 100_000 - 1205 - 18
    cheap = bench_with_all()
    cheap.market.quote(bid="5", ask="10", listing=CALL.listing)
    cheap.place("Buy", "1", "10", **OPTION)
    assert cheap.wallet == 100_000 - 10 - Decimal("0.7")


def test_a_limit_at_the_ask_of_a_nearly_worthless_option_is_not_moved_below_it() -> None:
    bench = bench_with_all()
    bench.market.mark = Decimal("1.3")
    bench.market.quote(bid="5", ask="10", listing=CALL.listing)
    bought = bench.place("Buy", "0.10", "10", **OPTION)
    assert (bought.price, bought.status) == (10, OrderStatus.FILLED)
    sold = bench.place("Sell", "0.10", "5", **{**OPTION, "orderLinkId": "back"})
    assert (sold.price, sold.status) == (5, OrderStatus.FILLED)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"orderLinkId": ""}, 3100198),
        ({"qty": "0.001"}, 3100116),
        ({"qty": "0.015"}, 10001),
        ({"price": "1202"}, 10001),
        ({"triggerPrice": "1300", "triggerDirection": 1}, 10001),
        ({"timeInForce": "RPI"}, 110119),
        ({"positionIdx": 1}, 10001),
        ({"reduceOnly": True}, 110017),
    ],
)
def test_an_option_has_filters_of_its_own(change: dict[str, Any], code: int) -> None:
    body = {**OPTION, "qty": "0.10", "price": "1200", **change}
    assert refusal(bench_with_all(), "Buy", body.pop("qty"), body.pop("price"), **body) == code


def test_an_option_takes_limits_of_every_kind_and_amends_and_cancels() -> None:
    bench = bench_with_all()
    resting = bench.place("Buy", "0.10", "1000", **OPTION)
    assert resting.status is OrderStatus.NEW
    assert bench.amend(resting, qty="0.20").quantity == Decimal("0.20")
    assert bench.cancel(resting).status is OrderStatus.CANCELLED
    kinds = {"FOK": "0.20", "IOC": "0.10", "PostOnly": "0.10"}
    ends = {
        kind: bench.place("Buy", qty, "1205", **{**OPTION, "timeInForce": kind, "orderLinkId": kind}).reject_reason
        for kind, qty in kinds.items()
    }
    assert ends == {"FOK": "EC_NoError", "IOC": "EC_NoError", "PostOnly": "EC_PostOnlyWillTakeLiquidity"}


def test_what_is_not_listed_for_trading_now_is_refused_in_the_words_of_its_category() -> None:
    bench = Bench(spot=True, others=(USDC_PERP,))
    market = bench.market
    market.instruments = tuple(replace(spec, status="Closed") for spec in market.instruments)
    assert refusal(bench, "Buy", "1", "60000.00") == 110074
    assert refusal(bench, "Buy", "0.1", "60000.00", category="spot") == 170151
    market.instruments = tuple(replace(spec, status="PreLaunch") for spec in market.instruments)
    assert refusal(bench, "Buy", "1", "60000.00", symbol="BTCPERP") == 110074
    market.instruments = tuple(replace(spec, status="Trading") for spec in market.instruments)
    assert bench.place("Buy", "1", "60000.00").status is OrderStatus.NEW
    market.link_lost = True
    assert refusal(bench, "Buy", "1", "60000.00") == 110066


def test_at_most_fifty_orders_of_options_of_one_coin_live_at_once() -> None:
    bench = bench_with_all()
    for number in range(50):
        bench.accept("Buy", "0.01", "1000", **{**OPTION, "orderLinkId": f"n{number}"})
    assert refusal(bench, "Buy", "0.01", "1000", **OPTION) == 110020
    assert bench.accept("Buy", "1", "59000.00").is_live


def test_a_reduce_only_order_beyond_the_largest_order_becomes_several() -> None:
    bench = Bench(funds="100000000")
    bench.market.quote(bid="59999.90", ask="60000.10", size="5000.000")
    for _ in range(3):
        bench.place("Buy", "400")
    first = bench.place("Sell", "0", reduceOnly=True, closeOnTrigger=True, orderLinkId="all")
    sold = [order for order in bench.engine.account.orders.values() if order.side == "Sell"]
    assert [order.quantity for order in sold] == [500, 500, 200]
    assert [order.link_id for order in sold] == ["all", "", ""]
    assert (first.status, bench.size) == (OrderStatus.FILLED, 0)


def test_a_price_beyond_the_limits_is_refused_if_the_account_asks_for_it() -> None:
    """1 % above a mark of 60000: silently moved, unless told otherwise."""
    bench = Bench()
    assert bench.accept("Buy", "1", "61000.00").price == 60_600
    floor = bench.engine.floor
    floor.commit([SettingChanged(at=floor.moment(), name="lpaPerp", value="true")])
    assert refusal(bench, "Buy", "1", "61000.00") == 110121
    assert refusal(bench, "Sell", "1", "59000.00") == 110120


def test_the_price_limits_follow_a_book_that_stays_above_the_mark() -> None:
    """The book stands 300 above the mark, so a buyer may go as much further: 60000 x 1.01 + 300."""
    bench = Bench()
    bench.market.quote(bid="60299.90", ask="60300.10")
    bench.engine.catch_up()
    assert bench.accept("Buy", "1", "61100.00").price == 60_900
    assert bench.accept("Sell", "1", "59000.00").price == 59_400


def test_a_market_order_needs_somebody_on_the_other_side() -> None:
    bench = Bench()
    bench.market.quote(bid="59999.90", ask="60000.10", size="10")
    bench.engine.catch_up()
    book = bench.market.book("BTCUSDT")
    bench.market._books["BTCUSDT"] = replace(book, asks=())
    assert refusal(bench, "Buy", "1") == 110118
    assert bench.place("Sell", "1").status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("side", "kind", "level", "price"),
    [("Buy", "Queue", 1, "59999.90"), ("Buy", "Counterparty", 2, "60001.00"), ("Sell", "Queue", 3, "60010.00")],
)
def test_the_book_may_give_the_price(side: str, kind: str, level: int, price: str) -> None:
    order = Bench().accept(side, "0.5", orderType="Limit", bboSideType=kind, bboLevel=level)
    assert (order.price, order.create_type) == (Decimal(price), "CreateByBboOrder")
    assert refusal(Bench(), side, "0.5", orderType="Limit", bboSideType=kind, bboLevel=5) == 110118


def test_an_options_price_may_be_given_as_a_volatility() -> None:
    """A call at the money is worth about 0.4 x underlying x volatility x root of time; here 2000 out of the money."""
    bench = bench_with_all()
    low, high = (
        bench.place("Buy", "0.10", orderType="Limit", orderIv=iv, **{**OPTION, "orderLinkId": iv.replace(".", "_")})
        for iv in ("0.2", "0.3")
    )
    assert (low.price % 5, high.price % 5, high.iv) == (0, 0, Decimal("0.3"))
    assert 500 < low.price < 700 < 1_100 < high.price < 1_300
    amended = bench.amend(low, orderIv="0.25")
    assert (low.price < amended.price < high.price, amended.iv) == (True, Decimal("0.25"))
    priced = bench.amend(low, price="500")
    assert (priced.price, priced.iv) == (500, None)
    assert refusal(bench, "Buy", "0.10", orderType="Limit", orderIv="6", **OPTION) == 10001
