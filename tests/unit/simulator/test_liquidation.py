"""What can no longer back itself is taken over, and costs no more than there is."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.scripted_market import BTCUSD, CALL, ETHUSDT
from support.sim_bench import Bench
from tradewright.simulator.accounts.account import Account
from tradewright.simulator.accounts.events import Liquidating, MarginMoved, OrderClosed, OrderFilled, Together
from tradewright.simulator.accounts.margin import liquidation_price
from tradewright.simulator.accounts.past import Movements, closed_orders
from tradewright.simulator.market.model import MarketLiquidation
from tradewright.simulator.rows.trading import position_rows

D = Decimal
INVERSE = {"category": "inverse", "symbol": "BTCUSD"}
SECOND = 1_000


def next_second(bench: Bench) -> None:
    """The market goes on to its next second, where marks are looked at."""
    bench.engine.venue.play_to((bench.market.now_ms // SECOND + 1) * SECOND)


def set_mark(bench: Bench, price: str | Decimal, listing: str = "BTCUSDT") -> None:
    bench.market.marks[listing] = D(price)
    next_second(bench)


def busts(bench: Bench) -> list[OrderFilled]:
    return [event for event in bench.events() if isinstance(event, OrderFilled) and event.exec_type == "BustTrade"]


def ends(bench: Bench) -> list[tuple[str, str]]:
    """Ids and cancelTypes of orders that ended."""
    found = []
    for event in bench.events():
        moves = event.moves if isinstance(event, Together) else (event,)
        found += [(move.order_id, move.cancel_type) for move in moves if isinstance(move, OrderClosed)]
    return found


def liquidation_price_of(bench: Bench, listing: str = "BTCUSDT") -> Decimal:
    legs, floor = bench.engine.floor.legs(listing), bench.engine.floor
    (price,) = [
        price
        for leg in legs
        if (price := liquidation_price(leg, floor.terms(listing), floor.margin_now(), legs)) is not None
    ]
    return price


def test_a_cross_account_is_taken_over_where_its_backing_meets_the_maintenance_margin() -> None:
    bench = Bench(funds="7000")
    bench.place("Buy", "1.000", takeProfit="70000", stopLoss="40000")
    resting = bench.place("Buy", "0.001", "50000.00")
    price = liquidation_price_of(bench)
    set_mark(bench, price + D("0.01"))
    assert not busts(bench)
    set_mark(bench, price - D("0.01"))

    (bust,) = busts(bench)
    order = bench.engine.account.orders[bust.order_id]
    assert (order.create_type, order.link_id, order.reduce_only) == ("CreateByTakeOver_PassThrough", "", True)
    assert (bust.side, bust.quantity, bench.size) == ("Sell", 1, 0)
    assert 0 <= bench.wallet < D("0.10")  # less than the tick its price was rounded to
    kinds = [cancel_type for _, cancel_type in ends(bench)]
    assert ends(bench)[0] == (resting.order_id, "CancelAllBeforeLiq")
    assert kinds == ["CancelAllBeforeLiq", "CancelByTpSlTsClear", "CancelByTpSlTsClear"]
    assert not bench.engine.account.has_live_orders

    account, statuses = Account(), []
    for entry in bench.log.entries:
        account.apply(entry)
        statuses.append(account.position("BTCUSDT").is_liquidated)
    assert True in statuses
    assert not statuses[-1]
    assert [event.on for event in bench.events() if isinstance(event, Liquidating)] == [True]
    (public,) = [event for event in bench.engine.venue.take_events() if isinstance(event, MarketLiquidation)]
    assert (public.symbol, public.side, public.size, public.price) == ("BTCUSDT", "Buy", 1, bust.price)
    assert closed_orders(bench.engine.account.executions)[-1].exec_type == "BustTrade"
    assert Movements().read(bench.log.entries)[-1].balance == bench.wallet


@pytest.mark.parametrize(("side", "jump"), [("Buy", "30000.00"), ("Sell", "90000.00")])
@pytest.mark.parametrize("kind", [{}, INVERSE])
def test_a_jump_beyond_all_margin_leaves_nothing_and_no_debt(side: str, jump: str, kind: dict[str, Any]) -> None:
    """Four accounts: what they had is gone, to the tick, and the insurance fund bears the rest."""
    coin, listing = ("BTC", "inverse:BTCUSD") if kind else ("USDT", "BTCUSDT")
    funds = {"funds": "0", "coins": {"BTC": "0.13"}} if kind else {"funds": "7000"}
    bench = Bench(others=[BTCUSD], **funds)
    bench.place(side, "60000" if kind else "1.000", **kind)
    set_mark(bench, jump, listing)
    (bust,) = busts(bench)
    if side == "Buy":
        assert bust.price > D(jump)
    else:
        assert bust.price < D(jump)
    assert not bench.engine.account.position(listing).size
    assert 0 <= bench.coin(coin) < D("0.0001") * D(7000)
    assert bench.engine.margin_now().maintenance == 0


def test_the_largest_goes_first_and_the_others_live_on_if_they_are_covered() -> None:
    bench = Bench(funds="10000", others=[ETHUSDT])
    bench.place("Buy", "1.000")
    bench.place("Buy", "5.00", symbol="ETHUSDT")
    set_mark(bench, liquidation_price_of(bench) - D("0.10"))
    assert [bust.symbol for bust in busts(bench)] == ["BTCUSDT"]
    margin = bench.engine.margin_now()
    assert margin.backing > margin.maintenance > 0
    next_second(bench)
    assert bench.engine.account.position("ETHUSDT").size == 5


def test_coins_of_all_kinds_hold_a_position_up_until_their_haircut_worth_is_gone() -> None:
    bench = Bench(funds="1000", coins={"BTC": "0.1"}, others=[ETHUSDT])
    bench.place("Buy", "10.00", symbol="ETHUSDT")  # 30000, at a margin of 3000
    set_mark(bench, "2500.00", "ETHUSDT")  # 5000 lost of 1000 dollars and 5700 of bitcoin
    assert not busts(bench)
    set_mark(bench, "48000.00")  # now 4560
    assert not busts(bench)
    set_mark(bench, "43000.00")  # 4085: more is owed than the dollars and the coins are worth
    assert len(busts(bench)) == 1
    assert bench.wallet < 0  # owed, and backed by the coins
    assert 0 <= bench.engine.margin_now().backing < 1


def test_a_large_position_is_first_brought_down_a_tier_on_the_market() -> None:
    bench = Bench(funds="700000")
    bench.market.quote(bid="59999.90", ask="60000.10", size="500.000")
    bench.place("Buy", "50.000")
    bench.place("Buy", "50.000")
    bench.trade("60000.00")
    price = liquidation_price_of(bench) - 1
    bench.market.quote(bid=f"{price:.1f}", ask=f"{price + 1:.1f}", size="500.000")
    set_mark(bench, f"{price:.2f}")
    (bust,) = busts(bench)
    order = bench.engine.account.orders[bust.order_id]
    assert (order.create_type, bust.price) == ("CreateByLiq", D(f"{price:.1f}"))
    assert D(1_990_000) < bench.size * D(f"{price:.2f}") <= 2_000_000
    assert [event.on for event in bench.events() if isinstance(event, Liquidating)] == [True, False]
    floor = bench.engine.floor
    rows = position_rows(
        floor.legs("BTCUSDT"), floor.terms("BTCUSDT"), floor.margin_now(), [], ticker=bench.market.ticker
    )
    assert (rows[0]["positionStatus"], rows[0]["riskId"], rows[0]["riskLimitValue"]) == ("Normal", 1, "2000000")


def test_where_the_market_has_nothing_within_its_price_all_is_taken_over() -> None:
    bench = Bench(funds="700000")
    bench.market.quote(bid="59999.90", ask="60000.10", size="500.000")
    bench.place("Buy", "100.000")
    bench.market.quote(bid="20000.00", ask="20000.10", size="500.000")
    set_mark(bench, "20000.00")
    (bust,) = busts(bench)
    assert bench.engine.account.orders[bust.order_id].create_type == "CreateByTakeOver_PassThrough"
    assert 0 <= bench.wallet < D("0.10") * 100


def isolated_bench(**more: Any) -> Bench:
    bench = Bench(**more)
    bench.engine.set_margin_mode("ISOLATED_MARGIN")
    return bench


@pytest.mark.parametrize("jump", ["54299.00", "20000.00"])
def test_an_isolated_position_loses_its_margin_and_nothing_else(jump: str) -> None:
    bench = isolated_bench(others=[ETHUSDT])
    bench.place("Sell", "1.00", symbol="ETHUSDT")
    bench.place("Buy", "1.000")
    # Bought at 60000.10 with leverage 10: 6000.01 of margin, 300.0005 of it maintenance.
    assert liquidation_price_of(bench) == D("54300.0905")
    resting = bench.place("Buy", "0.001", "50000.00")
    beside = bench.place("Sell", "0.10", "3500.00", symbol="ETHUSDT")
    before = bench.wallet
    kept = bench.engine.margin_now().needs["BTCUSDT", 0].initial
    assert kept == D("6000.01") + D("54000.09") * D("0.00055").quantize(D("0.00000001"))
    set_mark(bench, "54300.10")
    assert bench.size == 1
    set_mark(bench, jump)
    (bust,) = busts(bench)
    assert (bust.price, bench.size) == (D("54000.10"), 0)  # 54000.09 is bankrupt, and a tenth is the tick
    assert 0 <= kept - (before - bench.wallet) < D("0.10")
    assert ends(bench) == [(resting.order_id, "CancelByPrepareLiq")]
    assert bench.order(beside).is_live
    assert bench.engine.account.position("ETHUSDT").size == -1


def test_isolated_orders_need_free_money_of_their_own_coin() -> None:
    bench = isolated_bench(funds="7000", coins={"USDC": "100000"})
    bench.place("Buy", "1.000")
    with pytest.raises(Exception, match="110007"):
        bench.accept("Buy", "0.200", "59000.00")
    bench.market.mark = D("90000.00")  # what is not realised cannot be spent
    with pytest.raises(Exception, match="110007"):
        bench.accept("Buy", "0.200", "59000.00")
    assert bench.accept("Buy", "0.010", "59000.00").order_id


def test_margin_that_is_added_moves_the_price_and_what_was_not_added_stays() -> None:
    bench = isolated_bench()
    bench.place("Buy", "1.000")
    bench.engine.add_margin("BTCUSDT", 0, D("1000.5"))
    assert liquidation_price_of(bench) == D("54300.0905") - D("1000.5")
    bench.engine.add_margin("BTCUSDT", 0, D("-0.5"))
    assert bench.engine.margin_now().coin("USDT").free == bench.wallet - bench.engine.margin_now().position_initial
    for amount, code in (("-1000.1", 110011), ("99999", 110014), ("0", 110027)):
        with pytest.raises(Exception, match=str(code)):
            bench.engine.add_margin("BTCUSDT", 0, D(amount))
    bench.place("Sell", "1.000")
    with pytest.raises(Exception, match="110034"):
        bench.engine.add_margin("BTCUSDT", 0, D(1))
    assert bench.engine.account.position("BTCUSDT").added_margin == 0


def test_auto_added_margin_holds_a_position_up_as_long_as_the_wallet_does() -> None:
    bench = isolated_bench(funds="10000")
    bench.place("Buy", "1.000")
    bench.engine.set_auto_add_margin("BTCUSDT", 0, on=True)
    set_mark(bench, "54000.00")
    (moved,) = [event for event in bench.events() if isinstance(event, MarginMoved)]
    free = 10000 - D("33.000055") - D("6029.71004950")
    assert moved.amount == free  # of the 6000.10 that were lost
    assert bench.size == 1
    set_mark(bench, "50000.00")
    assert bench.size == 0
    assert 0 <= bench.wallet < 3  # the fee at the new price of bankruptcy is smaller than the one at the old


def test_leverage_of_an_isolated_position_moves_its_margin_but_never_liquidates_it() -> None:
    bench = isolated_bench()
    bench.place("Buy", "1.000")
    bench.set_leverage("50")
    assert liquidation_price_of(bench) == D("60000.10") - D("1200.002") + D("300.0005")
    bench.set_leverage("10")
    set_mark(bench, "59000.00")
    with pytest.raises(Exception, match="110011"):
        bench.set_leverage("100")
    bench.set_leverage("1")
    with pytest.raises(Exception, match="110007"):
        bench.accept("Buy", "1.000", "59000.00")


def test_the_margin_mode_changes_only_on_an_empty_account() -> None:
    bench = Bench()
    order = bench.place("Buy", "0.010", "59000.00")
    with pytest.raises(Exception, match="3400045") as caught:
        bench.engine.set_margin_mode("ISOLATED_MARGIN")
    assert [reason["reasonMsg"] for reason in caught.value.result["reasons"]] == ["There are active orders."]  # type: ignore[attr-defined]
    for code, refused in (
        (110015, lambda: bench.engine.add_margin("BTCUSDT", 0, D(1))),
        (110076, lambda: bench.engine.set_auto_add_margin("BTCUSDT", 0, on=True)),
    ):
        with pytest.raises(Exception, match=str(code)):
            refused()
    bench.cancel(order)
    bench.engine.set_margin_mode("ISOLATED_MARGIN")
    bench.engine.set_margin_mode("ISOLATED_MARGIN")
    assert bench.engine.account.margin_mode == "ISOLATED_MARGIN"


def test_a_sold_option_is_taken_over_before_it_costs_more_than_there_is() -> None:
    bench = Bench(funds="10000", others=[CALL])
    bench.place("Sell", "1.00", "1195", category="option", symbol=CALL.symbol, orderLinkId="a")
    bench.market.mark = D("75000.00")
    set_mark(bench, "14000", CALL.listing)
    (bust,) = busts(bench)
    assert not bench.engine.account.position(CALL.listing).size
    assert 0 <= bench.wallet < bench.wallet + bust.fee < D("1000")


def test_a_crash_in_the_middle_is_gone_on_with(tmp_path: Path) -> None:
    bench = Bench(tmp_path, funds="7000")
    bench.place("Buy", "1.000", takeProfit="70000", stopLoss="40000")
    set_mark(bench, "50000.00")
    total = len(bench.log.entries)
    bench.log.close()
    path = tmp_path / "log.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    began = next(place for place, entry in enumerate(bench.log.entries) if isinstance(entry.event, Liquidating))
    for kept in range(began, total + 1):
        path.write_bytes(b"".join(whole[:kept]))
        after = Bench(tmp_path, fund=False)
        after.market.quote(bid="49999.90", ask="50000.10")
        after.market.mark = D("50000.00")
        after.engine.resume()
        next_second(after)
        assert (after.size, after.wallet, len(busts(after))) == (0, bench.wallet, 1)
        assert not after.engine.account.has_live_orders
        after.log.close()
