"""Margin over all coins, contracts of all kinds and risk tiers. Amounts are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from support.scripted_market import BTCUSD, CALL, ETHUSDT, SPOT_BTCUSDT, USDC_PERP
from support.sim_bench import Bench
from tradewright.simulator.accounts import isolated
from tradewright.simulator.accounts.contracts import value_of
from tradewright.simulator.accounts.events import SettingChanged
from tradewright.simulator.accounts.margin import liquidation_price
from tradewright.simulator.accounts.positions import Position
from tradewright.simulator.accounts.settings import collateral_switch
from tradewright.simulator.errors import ApiError
from tradewright.simulator.market import BTCUSDT
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.risk_tiers import RiskTier, risk_tiers, tier_at
from tradewright.simulator.matching.commands import read_leverage, read_switch_mode
from tradewright.simulator.rows.wallet import wallet_row

D = Decimal
INVERSE = {"category": "inverse", "symbol": "BTCUSD"}
USDC = {"symbol": "BTCPERP"}
OPTION = {"category": "option", "symbol": CALL.symbol}


def refused(bench: Bench, *order: Any, **more: Any) -> int:
    """The code of a refused order, which leaves no trace."""
    before = len(bench.log.entries)
    with pytest.raises(ApiError) as caught:
        bench.accept(*order, **more)
    assert len(bench.log.entries) == before
    return int(caught.value.code)


def hold(symbol: str, *, size: str, entry: str, leverage: str, added: str = "0") -> Position:
    quantity = D(size)
    return Position(
        symbol=symbol,
        size=quantity,
        cost=value_of(symbol, abs(quantity), D(entry)),
        leverage=D(leverage),
        added_margin=D(added),
    )


# The first two are examples of Bybit's help centre ("Liquidation price calculation, isolated margin"), the inverse ones
# its formulas EP x L / (L + 1 - MMR x L) and EP x L / (L - 1 + MMR x L); quoted from memory, not verified against it.
# The bankruptcy prices follow from the same formulas with a maintenance margin of nothing.
EXAMPLES = [
    (hold("BTCUSDT", size="1", entry="20000", leverage="50"), "19700", "19600"),
    (hold("BTCUSDT", size="-1", entry="20000", leverage="50", added="3000"), "23300", "23400"),
    (hold("inverse:BTCUSD", size="10000", entry="8000", leverage="50"), "7881.77", "7843.14"),
    (hold("inverse:BTCUSD", size="-10000", entry="8000", leverage="50"), "8121.83", "8163.27"),
    # An inverse short without leverage holds the coins it may owe: it can be liquidated for its margin, far off, and is
    # never bankrupt.
    (hold("inverse:BTCUSD", size="-10000", entry="8000", leverage="1"), "1600000", None),
    # All of a long's worth was put in: it can fall to zero.
    (hold("BTCUSDT", size="1", entry="20000", leverage="50", added="19600"), "100", None),
]
HALF_PERCENT = RiskTier(
    number=1,
    value_max=D(2_000_000),
    maintenance_rate=D("0.005"),
    initial_rate=D("0.01"),
    max_leverage=D(100),
    deduction=D(0),
)


@pytest.mark.parametrize(("position", "liquidated", "bankrupt"), EXAMPLES)
def test_isolated_prices_are_those_of_the_worked_examples(
    position: Position, liquidated: str | None, bankrupt: str | None
) -> None:
    found = (
        isolated.liquidation_price(position, HALF_PERCENT),
        isolated.bankruptcy_price(position, HALF_PERCENT),
    )
    # An inverse value has eight places, so two of the price are compared.
    assert [price and round(price, 2) for price in found] == [price and D(price) for price in (liquidated, bankrupt)]


def test_a_tiers_deduction_makes_the_maintenance_margin_that_of_each_slice_at_its_own_rate() -> None:
    tiers = risk_tiers(BTCUSDT)
    value = D(30_000_000)  # 2 million at 0.5 %, 8 at 0.75 %, 15 at 1 %, 5 at 2 %
    tier = tier_at(tiers, value)
    assert tier.number == 4
    assert value * tier.maintenance_rate - tier.deduction == D(10_000) + D(60_000) + D(150_000) + D(100_000)


@pytest.mark.parametrize("spec", LISTED, ids=lambda spec: spec.listing)
def test_every_contract_has_a_ladder_of_tiers_that_asks_for_more_the_larger_the_position(spec: InstrumentSpec) -> None:
    tiers = risk_tiers(spec)
    assert (len(tiers) >= 3) == (not spec.is_spot)
    for below, above in pairwise(tiers):
        assert below.value_max < above.value_max
        assert below.maintenance_rate < above.maintenance_rate < 1 / above.max_leverage
        assert below.max_leverage > above.max_leverage >= 1
        value = below.value_max
        assert value * below.maintenance_rate - below.deduction == value * above.maintenance_rate - above.deduction


def test_coins_back_contracts_at_their_index_price_less_a_haircut_and_debts_count_in_full() -> None:
    bench = Bench(funds="1000", coins={"USDC": "500", "BTC": "0.1", "PEPE": "1000000"}, spot=True)
    margin = bench.engine.margin_now()
    assert margin.balance == 1000 + 500 + 6000
    assert margin.backing == margin.available == 1000 + 500 + D("0.95") * 6000
    bench.place("Buy", "1.000")  # a fee of 33.000055 and 0.1 of loss at mark
    bench.market.mark = D("58000.00")
    margin = bench.engine.margin_now()
    owed = D("1000") - D("33.000055") - D("2000.10")
    assert owed < 0
    assert margin.backing == owed + 500 + D("0.95") * 5800
    assert bench.accept("Sell", "0.001", reduceOnly=True).order_id
    assert refused(bench, "Buy", "0.500000", "60051.00", category="spot") == 170131


def test_an_inverse_contract_binds_the_coin_it_settles_in_and_all_coins_back_it() -> None:
    bench = Bench(funds="20000", coins={"BTC": "0.01"}, spot=True, others=[BTCUSD])
    order = bench.place("Buy", "60000", "59999.50", **INVERSE)
    margin = bench.engine.margin_now()
    value = D("1.00000833")  # 60000 / 59999.5, to eight places
    assert margin.coin("BTC").order_initial == round(value / 10 + 2 * value * D("0.00055"), 8)
    bench.cancel(order)
    bench.place("Buy", "60000", "60000.50", **INVERSE)
    position = bench.engine.account.position("inverse:BTCUSD")
    assert (position.size, position.cost) == (60000, D("0.99999167"))
    bench.market.marks["inverse:BTCUSD"] = D("50000.00")
    margin, btc = bench.engine.margin_now(), bench.engine.margin_now().coin("BTC")
    # Now worth 1.2 BTC: the long has lost 0.20000833 of them, a fee of 0.00055 was paid.
    assert btc.unrealised == D("-0.20000833")
    assert btc.balance == D("0.01") - D("0.00055")
    assert btc.position_initial == D("1.2") / 10 + D("1.2") * D("0.00055")
    assert btc.maintenance == D("1.2") * (D("0.005") + D("0.00055"))
    assert margin.backing == 20000 + (btc.balance + btc.unrealised) * btc.price
    row = wallet_row(bench.engine.account.coins.values(), margin)
    told = {coin["coin"]: coin for coin in row["coin"]}
    assert (told["BTC"]["unrealisedPnl"], told["BTC"]["totalPositionIM"]) == ("-0.20000833", "0.12066")
    assert (told["USDT"]["unrealisedPnl"], told["USDT"]["totalPositionIM"]) == ("0", "0")
    assert D(row["totalAvailableBalance"]) == margin.backing - margin.initial


def test_what_settles_in_usdc_is_told_there() -> None:
    bench = Bench(funds="10000", coins={"USDC": "100"}, others=[USDC_PERP])
    bench.place("Buy", "0.100", **USDC)
    margin = bench.engine.margin_now()
    # Bought at 60000.10: ten cents above the mark, and a fee of 0.055 % of 6000.01.
    assert margin.coin("USDC").balance == 100 - D("3.3000055")
    assert margin.coin("USDC").unrealised == D("-0.01")
    assert (margin.coin("USDC").position_initial, margin.coin("USDT").position_initial) == (D("603.3"), 0)


@pytest.mark.parametrize(
    ("side", "quantity", "order", "others"),
    [
        ("Buy", "1.000", {}, []),
        ("Sell", "1.000", {}, []),
        ("Sell", "60.00", {"symbol": "ETHUSDT"}, [ETHUSDT]),
        ("Buy", "500000", INVERSE, [BTCUSD]),
        ("Sell", "500000", INVERSE, [BTCUSD]),
    ],
)
def test_at_the_liquidation_price_nothing_is_left_above_the_maintenance_margin(
    side: str, quantity: str, order: dict[str, Any], others: list[InstrumentSpec]
) -> None:
    coins = {"BTC": "1"} if order.get("category") else {}
    bench = Bench(funds="20000", coins=coins, spot=True, others=others)
    bench.place("Buy", "0.010")  # another position beside it
    placed = bench.place(side, quantity, **order)
    listing, floor = placed.symbol, bench.engine.floor
    legs = [bench.engine.account.position(listing)]
    price = liquidation_price(legs[0], floor.terms(listing), bench.engine.margin_now(), legs)
    assert price is not None
    assert (price < bench.market.marks[listing]) == (side == "Buy")
    bench.market.marks[listing] = price
    if others:
        floor.usd_price = lambda coin: price if coin == "BTC" and others[0].is_inverse else D(1)  # type: ignore[method-assign]
    margin = bench.engine.margin_now()
    assert abs(margin.backing - margin.maintenance) < D("0.01")


def test_beyond_a_tiers_leverage_or_the_last_tier_an_order_is_refused() -> None:
    bench = Bench(funds="100000000")
    bench.set_leverage("100")
    assert bench.place("Buy", "33.000", "60000.00").is_live  # 1.98 million
    assert refused(bench, "Buy", "1.000", "60000.00") == 110090
    assert bench.place("Sell", "33.000", "60000.10")  # the other side counts for itself
    bench.set_leverage("10")
    for _ in range(13):
        bench.accept("Buy", "119.000", "60000.00")
    assert refused(bench, "Buy", "119.000", "60000.00") == 110090  # 100 million is the end of it


def test_an_option_is_paid_for_at_once_and_a_sold_one_binds_margin() -> None:
    bench = Bench(funds="10000", others=[CALL])
    assert refused(bench, "Buy", "9.00", "1205", **OPTION, orderLinkId="a") in (110007, 3200300)
    bench.place("Buy", "1.00", "1205", **OPTION, orderLinkId="b")
    margin = bench.engine.margin_now()
    paid = D(1205) + D(60000) * D("0.0003")
    assert bench.wallet == 10000 - paid
    assert (margin.backing, margin.initial, margin.equity) == (10000 - paid, 0, 10000 - paid + 1200)
    bench.place("Sell", "2.00", "1195", **OPTION, orderLinkId="c")
    margin = bench.engine.margin_now()
    # One is sold: 15 % of the index less the 2000 it is out of the money, and its price.
    assert margin.initial == D("0.15") * 60000 - 2000 + 1200
    assert margin.maintenance == D("0.032") * 60000 + 1200
    assert refused(bench, "Sell", "1.00", "1195", **OPTION, orderLinkId="d") == 3200300


def test_a_spot_pair_has_no_tiers_and_its_lowest_price_no_margin() -> None:
    assert not risk_tiers(SPOT_BTCUSDT)
    assert not risk_tiers(replace(CALL, symbol="BTC-14DEC23-63000-C"))


def test_a_contract_needs_its_settle_coin_to_be_collateral_in_cross_margin() -> None:
    bench = Bench(coins={"BTC": "1"}, others=[BTCUSD])
    at = bench.engine.floor.moment()
    bench.engine.floor.commit([SettingChanged(at=at, name=collateral_switch("BTC"), value="OFF")])
    assert bench.engine.margin_now().backing == 100_000
    assert refused(bench, "Buy", "6000", "59000.00", **INVERSE) == 110101
    bench.engine.set_margin_mode("ISOLATED_MARGIN")
    assert bench.accept("Buy", "6000", "59000.00", **INVERSE).order_id


def test_legs_have_leverages_of_their_own_in_isolated_margin_only() -> None:
    bench = Bench()
    named = {"category": "linear", "symbol": "BTCUSDT"}
    bench.engine.set_position_mode(read_switch_mode({**named, "mode": "3"}, bench.engine.specs))
    differ = read_leverage({**named, "buyLeverage": "20", "sellLeverage": "5"}, bench.engine.specs)
    with pytest.raises(ApiError) as caught:
        bench.engine.set_leverage(differ)
    assert int(caught.value.code) == 10001
    bench.engine.set_margin_mode("ISOLATED_MARGIN")
    bench.engine.set_leverage(differ)
    bench.place("Buy", "0.100", positionIdx=1)
    bench.place("Sell", "0.100", positionIdx=2)
    needs, fee_rate = bench.engine.margin_now().needs, D("0.00055")
    # Each leg has margin of its own, and the fee at its own price of bankruptcy.
    long, short = D("6000.01"), D("5999.99")
    assert needs["BTCUSDT", 1].initial == round(long / 20 + (long - long / 20) * fee_rate, 8)
    assert needs["BTCUSDT", 2].initial == round(short / 5 + (short + short / 5) * fee_rate, 8)
    bench.engine.set_leverage(read_leverage({**named, "buyLeverage": "8", "sellLeverage": "8"}, bench.engine.specs))
    assert [bench.engine.account.position("BTCUSDT", index).leverage for index in (1, 2)] == [8, 8]
