"""What spot orders lock, move and cost. The pair's book: 0.5 at 60051 and 2 at 60060 are offered, 0.5 at 60049 and 2 at
60040 are bid; the fee is a thousandth of what is received. Amounts are worked out by hand.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.scripted_market import SPOT
from support.sim_bench import Bench
from tradewright.simulator.accounts.events import OrderFilled
from tradewright.simulator.accounts.log import LOG_FILE
from tradewright.simulator.accounts.orders import OrderStatus
from tradewright.simulator.accounts.spot import locked
from tradewright.simulator.errors import ApiError
from tradewright.simulator.rows.orders import order_row
from tradewright.simulator.rows.trading import execution_row
from tradewright.simulator.rows.wallet import wallet_row

DATA = Path(__file__).parents[2] / "data"


def bench_with(**coins: str) -> Bench:
    usdt = coins.pop("USDT", "100000")
    return Bench(funds=usdt, coins=coins, spot=True)


def locks(bench: Bench) -> dict[str, Decimal]:
    return locked(bench.engine.account.live_orders(), bench.engine.specs)


def fees(bench: Bench) -> list[tuple[str, str]]:
    return [(event.fee_coin, str(event.fee)) for event in bench.events() if isinstance(event, OrderFilled)]


def refusal(bench: Bench, side: str, qty: str, price: str | None = None, **more: Any) -> int:
    """The code of a refused order, which leaves no trace."""
    before = len(bench.log.entries)
    with pytest.raises(ApiError) as caught:
        bench.accept(side, qty, price, category="spot", **more)
    assert len(bench.log.entries) == before
    return int(caught.value.code)


def test_a_buyer_pays_quote_and_receives_base_less_the_fee() -> None:
    bench = bench_with()
    order = bench.spot("Buy", "0.600000", "60060.00")
    assert order.status is OrderStatus.FILLED
    # 0.5 at 60051 and 0.1 at 60060
    assert bench.coin("USDT") == Decimal("100000") - Decimal("30025.5") - Decimal("6006")
    assert bench.coin("BTC") == Decimal("0.5994")
    assert [(coin, Decimal(fee)) for coin, fee in fees(bench)] == [
        ("BTC", Decimal("0.0005")),
        ("BTC", Decimal("0.0001")),
    ]
    assert (order.fee_coin, order.paid_fee) == ("BTC", Decimal("0.0006"))


def test_a_seller_delivers_base_and_receives_quote_less_the_fee() -> None:
    bench = bench_with(BTC="1")
    bench.spot("Sell", "0.100000", "60049.00")
    assert bench.coin("BTC") == Decimal("0.9")
    assert bench.coin("USDT") == Decimal("100000") + Decimal("6004.9") - Decimal("6.0049")
    assert bench.engine.account.positions == {}


def test_a_tiny_fill_still_pays_its_fee() -> None:
    bench = bench_with()
    bench.spot("Buy", "0.000084", "60051.00")
    assert bench.coin("BTC") == Decimal("0.000084") - Decimal("0.000000084")


def test_a_resting_order_locks_what_it_may_cost_and_its_end_frees_it() -> None:
    bench = bench_with(BTC="2")
    buy = bench.spot("Buy", "0.500000", "59000.00")
    sell = bench.spot("Sell", "1.500000", "61000.00")
    assert locks(bench) == {"USDT": Decimal("29500"), "BTC": Decimal("1.5")}
    assert refusal(bench, "Sell", "0.500001", "61000.00") == 170131
    assert bench.cancel(buy).status is OrderStatus.CANCELLED
    assert bench.cancel(sell).status is OrderStatus.CANCELLED
    assert locks(bench) == {}


def test_a_resting_buy_fills_as_maker_when_the_pair_trades_through_it_and_only_the_pair() -> None:
    bench = bench_with()
    order = bench.spot("Buy", "0.100000", "60000.00")
    bench.trade("59000.00")  # the contract of the same symbol is another market
    assert bench.order(order).status is OrderStatus.NEW
    bench.trade("59999.99", listing=SPOT)
    assert bench.order(order).status is OrderStatus.FILLED
    assert (bench.coin("USDT"), bench.coin("BTC")) == (Decimal("94000"), Decimal("0.0999"))


def test_a_contract_order_is_untouched_by_trades_of_the_pair() -> None:
    bench = bench_with()
    order = bench.place("Buy", "0.100", "59900.00")
    bench.trade("59000.00", listing=SPOT)
    assert bench.order(order).status is OrderStatus.NEW


def test_no_more_than_the_free_balance_can_be_spent() -> None:
    bench = bench_with(USDT="6005.10")
    assert refusal(bench, "Buy", "0.100001", "60051.00") == 170131
    assert bench.spot("Buy", "0.100000", "60051.00").status is OrderStatus.FILLED
    assert bench.coin("USDT") == 0


def test_a_market_buy_names_the_quote_to_spend_and_drops_what_buys_no_step() -> None:
    bench = bench_with()
    order = bench.spot("Buy", "100")
    # 100 / 60051 = 0.00166525…, so 0.001665 for 99.984915; the rest buys less than 0.000001
    assert (order.status, order.reject_reason) == (
        OrderStatus.PARTIALLY_FILLED_CANCELLED,
        "EC_CancelByOrderValueZero",
    )
    assert (order.filled_quantity, order.filled_value) == (Decimal("0.001665"), Decimal("99.984915"))
    assert bench.coin("USDT") == Decimal("100000") - Decimal("99.984915")
    assert bench.spot("Buy", "60.051").status is OrderStatus.FILLED  # exactly 0.001


def test_a_market_buy_in_base_and_a_sale_in_quote_are_asked_for_by_unit() -> None:
    bench = bench_with(BTC="1")
    bought = bench.spot("Buy", "0.100000", marketUnit="baseCoin")
    assert (bought.status, bought.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    sold = bench.spot("Sell", "6004.90", marketUnit="quoteCoin")
    assert (sold.status, sold.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    assert bench.spot("Sell", "0.100000").filled_quantity == Decimal("0.1")


def test_a_sale_in_quote_needs_the_base_it_may_have_to_sell() -> None:
    bench = bench_with(BTC="0.099999")
    assert refusal(bench, "Sell", "6004.90", marketUnit="quoteCoin") == 170131


def test_a_market_order_stops_at_its_protection_price() -> None:
    bench = bench_with(USDT="1000000")
    order = bench.spot("Buy", "10.000000", marketUnit="baseCoin")
    assert (order.status, order.filled_quantity) == (OrderStatus.PARTIALLY_FILLED_CANCELLED, Decimal("2.5"))
    assert order.reject_reason == "EC_NoImmediateQtyToFill"
    in_quote = bench.spot("Buy", "700000")
    assert (in_quote.status, in_quote.reject_reason) == (
        OrderStatus.PARTIALLY_FILLED_CANCELLED,
        "EC_NoImmediateQtyToFill",
    )


def test_time_in_force_means_the_same_as_for_contracts_but_a_partial_end_has_its_own_word() -> None:
    bench = bench_with(USDT="1000000")
    partly = bench.spot("Buy", "1.000000", "60051.00", timeInForce="IOC")
    assert (partly.status, partly.filled_quantity) == (OrderStatus.PARTIALLY_FILLED_CANCELLED, Decimal("0.5"))
    killed = bench.spot("Buy", "1.000000", "60051.00", timeInForce="FOK")
    assert (killed.status, killed.reject_reason) == (OrderStatus.CANCELLED, "EC_CancelForNoFullFill")
    crossing = bench.spot("Buy", "1.000000", "60051.00", timeInForce="PostOnly")
    assert (crossing.status, crossing.reject_reason) == (OrderStatus.CANCELLED, "EC_PostOnlyWillTakeLiquidity")
    resting = bench.spot("Buy", "1.000000", "60051.00")
    assert (resting.status, resting.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.5"))
    assert locks(bench) == {"USDT": Decimal("30025.5")}
    ended = bench.cancel(resting)
    assert (ended.status, ended.cancel_type) == (OrderStatus.PARTIALLY_FILLED_CANCELLED, "CancelByUser")


def test_a_price_beyond_the_limits_is_refused_where_a_contracts_would_be_moved() -> None:
    bench = bench_with(BTC="1")
    # The index is 60000 and one per cent is allowed, counted from where the book has been of late: 50 above the index.
    assert refusal(bench, "Buy", "0.100000", "60650.01") == 170193
    assert refusal(bench, "Sell", "0.100000", "59449.99") == 170194
    assert bench.spot("Buy", "0.100000", "60650.00").status is OrderStatus.FILLED
    assert bench.spot("Sell", "0.100000", "59450.00").status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("side", "qty", "price", "more", "code"),
    [
        ("Buy", "0.1000001", "60000.00", {}, 170137),
        ("Buy", "0.100000", "60000.001", {}, 170134),
        ("Buy", "0.000083", "60000.00", {}, 170140),
        ("Buy", "83.000001", "60000.00", {}, 170381),
        ("Buy", "41.500001", None, {"marketUnit": "baseCoin"}, 170382),
        ("Sell", "0.000083", None, {}, 170140),
        ("Buy", "4.99", None, {}, 170140),
        ("Buy", "100.00000001", None, {}, 170148),
        ("Buy", "2492075.01", None, {}, 170124),
        ("Buy", "0", "60000.00", {}, 170130),
        ("Buy", "-1", "60000.00", {}, 170130),
        ("Buy", "", "60000.00", {}, 170105),
        ("Buy", "0.1", None, {"orderType": "Limit"}, 170105),
        ("Buy", "0.1", "1000000000001", {}, 170132),
        ("Buy", "100", None, {"marketUnit": "BTC"}, 170130),
        ("buy", "0.1", "60000.00", {}, 170117),
        ("Buy", "0.1", "60000.00", {"orderType": "Stop"}, 170116),
        ("Buy", "0.1", "60000.00", {"timeInForce": "GTD"}, 170115),
        ("Buy", "0.1", "60000.00", {"symbol": "BTCUSDC"}, 170121),
        ("Buy", "0.1", "60000.00", {"isLeverage": 1}, 10001),
        ("Buy", "0.1", "60000.00", {"orderLinkId": "x" * 37}, 10001),
    ],
)
def test_a_filter_that_is_broken_gives_spots_own_code(
    side: str, qty: str, price: str | None, more: dict[str, Any], code: int
) -> None:
    assert refusal(bench_with(USDT="10000000", BTC="100"), side, qty, price, **more) == code


def test_words_of_contracts_are_ignored() -> None:
    bench = bench_with()
    order = bench.spot("Buy", "0.100000", "59000.00", reduceOnly=True, positionIdx=2, closeOnTrigger=True)
    assert (order.status, order.reduce_only) == (OrderStatus.NEW, False)


def test_link_ids_are_one_space_with_contracts_and_refused_by_spots_code() -> None:
    bench = bench_with()
    bench.place("Buy", "0.010", "59000.00", orderLinkId="once")
    assert refusal(bench, "Buy", "0.100000", "59000.00", orderLinkId="once") == 170141


def test_a_cancel_of_nothing_has_spots_code_and_never_reaches_the_contract_of_the_same_symbol() -> None:
    bench = bench_with()
    contract = bench.place("Buy", "0.010", "59000.00")
    pair = bench.spot("Buy", "0.100000", "59000.00")
    bench.cancel(pair)
    with pytest.raises(ApiError) as caught:
        bench.cancel(pair)
    assert int(caught.value.code) == 170213
    assert bench.order(contract).status is OrderStatus.NEW


def test_ids_are_nineteen_digits_that_rise() -> None:
    bench = bench_with()
    ids = [bench.spot("Buy", "0.001000", "59000.00").order_id for _ in range(3)]
    assert all(len(order_id) == 19 and order_id.isdigit() for order_id in ids)
    assert ids == sorted(set(ids))


def test_what_spot_locks_is_not_free_for_contracts_and_what_they_need_is_not_free_for_spot() -> None:
    bench = bench_with(USDT="10000")
    bench.spot("Buy", "0.100000", "60000.00")
    assert bench.engine.margin_now().available == 4000
    with pytest.raises(ApiError) as caught:
        bench.accept("Buy", "0.700", "59000.00")  # needs 4130 and fees
    assert int(caught.value.code) == 110007
    bench.place("Buy", "0.500", "59000.00")  # binds 2950 and 32.45 of fees
    assert bench.engine.margin_now().available == Decimal("1017.55")
    assert refusal(bench, "Buy", "0.017000", "60000.00") == 170131
    assert bench.spot("Buy", "0.016000", "60000.00").status is OrderStatus.NEW


def test_a_bought_coin_backs_contracts_less_its_haircut_and_usdc_does_in_full() -> None:
    bench = bench_with(USDT="6005.10", BTC="5")
    bench.spot("Buy", "0.100000", "60051.00")
    # All dollars are spent; 5.0999 BTC at the index of 60000 back 95 % of what they are worth.
    assert bench.coin("USDT") == 0
    assert bench.engine.margin_now().available == Decimal("290694.30")
    assert refusal(bench, "Buy", "0.001000", "60051.00") == 170131  # but they are no USDT to spend
    dollars = bench_with(USDT="0", USDC="1000")
    assert dollars.engine.margin_now().available == 1000
    assert dollars.place("Buy", "0.010", "59000.00").status is OrderStatus.NEW
    assert refusal(dollars, "Buy", "0.010000", "59000.00") == 170131


def test_what_a_contract_costs_beyond_its_own_coin_is_owed() -> None:
    bench = bench_with(USDT="0", USDC="1000")
    bench.place("Buy", "0.100")  # a fee of 3.3000055, of which there is no USDT
    assert bench.coin("USDT") == Decimal("-3.3000055")
    row = wallet_row(bench.engine.account.coins.values(), bench.engine.margin_now())
    usdt = next(coin for coin in row["coin"] if coin["coin"] == "USDT")
    assert (usdt["borrowAmount"], usdt["walletBalance"]) == ("3.3000055", "-3.3000055")
    # The mark is 60000, ten cents below the price paid for a tenth.
    assert (row["totalWalletBalance"], row["totalMarginBalance"]) == ("996.6999945", "996.6899945")


def test_a_restart_knows_coins_locks_and_what_was_under_way(tmp_path: Path) -> None:
    before = Bench(tmp_path, coins={"BTC": "1"}, spot=True)
    before.spot("Buy", "0.100000", "60051.00")
    before.spot("Sell", "0.500000", "61000.00")
    before.accept("Buy", "100", category="spot")  # acknowledged, not yet at the matching engine
    before.log.close()

    after = Bench(tmp_path, spot=True)
    assert (after.coin("BTC"), locks(after)["BTC"]) == (Decimal("1.0999"), Decimal("0.5"))
    assert locks(after)["USDT"] == 100
    after.engine.resume()
    assert locks(after) == {"BTC": Decimal("0.5")}
    assert after.coin("BTC") == Decimal("1.0999") + Decimal("0.001663335")
    after.log.close()


def test_a_log_written_before_spot_and_conditional_orders_reads_on(tmp_path: Path) -> None:
    """The file was written by the exchange of step 1a."""
    (tmp_path / LOG_FILE).write_bytes((DATA / "simulator_log_1a.jsonl").read_bytes())
    bench = Bench(tmp_path, spot=True)
    bench.engine.resume()
    assert (bench.wallet, bench.size) == (Decimal("99999.66999945"), Decimal("0.01"))
    (resting,) = bench.engine.account.live_orders()
    assert (resting.price, resting.status) == (Decimal("59000"), OrderStatus.NEW)
    bench.trade("58999.90")
    bench.spot("Buy", "0.100000", "60051.00")
    assert (bench.size, bench.coin("BTC")) == (Decimal("0.02"), Decimal("0.0999"))
    bench.log.close()


def test_a_makers_rebate_comes_in_the_coin_that_was_not_received() -> None:
    """0.01 % of 60000 for the buyer that rests, in USDT; what it takes first costs 0.1 % of the bought BTC."""
    bench = bench_with(USDT="100000")
    bench.engine.specs[SPOT] = replace(bench.engine.specs[SPOT], maker_fee_rate=Decimal("-0.0001"))
    order = bench.spot("Buy", "1.500000", "60051.00")  # 0.5 are there to take
    bench.trade("60050.00", listing=SPOT)
    done = bench.order(order)
    assert bench.coin("BTC") == Decimal("1.5") - Decimal("0.5") * Decimal("0.001")
    assert bench.coin("USDT") == 100_000 - Decimal("1.5") * 60_051 + 60_051 * Decimal("0.0001")
    row = order_row(done, bench.engine.specs[SPOT])
    assert row["cumFeeDetail"] == {"BTC": "0.0005", "USDT": "-6.0051"}
    told = [execution_row(one, bench.engine.specs[SPOT]) for one in bench.engine.account.executions]
    assert [(fee["feeCurrency"], fee["execFee"]) for fee in told] == [("BTC", "0.0005"), ("USDT", "-6.0051")]
