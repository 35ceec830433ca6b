"""Dated contracts and options are settled in cash when they end, once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from support.scripted_market import BTCUSD, CALL, DELIVERY_MS, ETHUSDT, FUTURE, PRICES
from support.sim_bench import Bench
from tradewright.simulator.accounts.events import OrderFilled
from tradewright.simulator.accounts.past import closed_orders
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.delivery import worth_at_delivery
from tradewright.simulator.rows.trading import execution_row

D = Decimal
SECOND = 1_000
PUT = replace(CALL, symbol="BTC-14DEC23-62000-P", option_type="Put")
INVERSE_FUTURE = replace(BTCUSD, contract_type="InverseFutures", delivery_ms=DELIVERY_MS, funding_interval_min=0)
OPTION = {"category": "option", "symbol": CALL.symbol}
DATED = {"symbol": FUTURE.symbol}


def near_the_end(bench: Bench) -> None:
    """The market jumps to a second before delivery; nothing is held yet, so nothing is missed."""
    bench.market.now_ms = DELIVERY_MS - SECOND


def settlements(bench: Bench) -> list[OrderFilled]:
    return [
        event
        for event in bench.events()
        if isinstance(event, OrderFilled) and event.exec_type in ("Delivery", "Settle")
    ]


def test_a_dated_contract_is_closed_at_the_settlement_price_without_a_fee_and_its_orders_end() -> None:
    bench = Bench(others=[FUTURE])
    near_the_end(bench)
    bench.place("Buy", "0.500", **DATED)
    resting = bench.place("Buy", "0.100", "50000.00", **DATED)
    beside = bench.place("Buy", "0.100", "50000.00")
    before = bench.wallet
    bench.engine.venue.play_to(DELIVERY_MS)
    assert not settlements(bench)  # its price is not known yet
    bench.market.settled[FUTURE.listing] = D("61000.123")
    bench.engine.venue.play_to(DELIVERY_MS + SECOND)

    (settled,) = settlements(bench)
    assert (settled.exec_type, settled.price, settled.fee) == ("Delivery", D("61000.123"), 0)
    order = bench.engine.account.orders[settled.order_id]
    assert (order.create_type, order.link_id, order.side) == ("CreateBySettle", "", "Sell")
    assert bench.wallet - before == D("0.5") * (D("61000.123") - D("60000.10"))
    assert bench.order(resting).cancel_type == "CancelBySettle"
    assert bench.order(beside).is_live
    assert closed_orders(bench.engine.account.executions)[-1].exec_type == "Delivery"
    bench.engine.venue.play_to(DELIVERY_MS + 100 * SECOND)
    assert len(settlements(bench)) == 1


def test_a_settlement_between_the_ticks_is_told_as_it_is() -> None:
    """What a client works out from price and quantity is what was booked."""
    bench = Bench(others=[CALL])
    near_the_end(bench)
    bench.place("Buy", "0.50", "1205", **OPTION, orderLinkId="a")
    bench.market.settled[CALL.listing] = D("63000.28")
    bench.engine.venue.play_to(DELIVERY_MS)
    row = execution_row(bench.engine.account.executions[-1], bench.engine.specs[CALL.listing])
    assert (row["execPrice"], row["execValue"], row["orderPrice"]) == ("1000.28", "500.14", "1000.28")


def test_an_inverse_one_settles_in_its_coin() -> None:
    bench = Bench(coins={"BTC": "1"}, others=[INVERSE_FUTURE])
    near_the_end(bench)
    bench.place("Sell", "60000", category="inverse", symbol=BTCUSD.symbol)
    before = bench.coin("BTC")
    bench.market.settled[INVERSE_FUTURE.listing] = D("50000")
    bench.engine.venue.play_to(DELIVERY_MS)
    (settled,) = settlements(bench)
    assert settled.exec_type == "Settle"
    assert bench.coin("BTC") - before == D("1.2") - D("1.00000833")  # sold at 59999.50


@pytest.mark.parametrize(
    ("spec", "underlying", "worth"),
    [(CALL, "63500", "1500"), (CALL, "60000", "0"), (PUT, "60000", "2000"), (PUT, "63500", "0")],
)
def test_an_option_is_worth_what_exercising_it_would_bring(spec: InstrumentSpec, underlying: str, worth: str) -> None:
    assert worth_at_delivery(spec, D(underlying)) == D(worth)


@pytest.mark.parametrize(("side", "price"), [("Buy", "1205"), ("Sell", "1195")])
@pytest.mark.parametrize(("underlying", "worth"), [("64000", 2000), ("60000", 0)])
def test_the_holder_of_an_option_gets_its_worth_and_who_sold_it_pays(
    side: str, price: str, underlying: str, worth: int
) -> None:
    assert PRICES[CALL.listing] == 1200
    bench = Bench(others=[CALL])
    near_the_end(bench)
    order = bench.place(side, "2.00", price, **OPTION, orderLinkId="a")
    assert bench.order(order).filled_quantity == 2
    waiting = bench.place("Buy", "1.00", "5", **OPTION, orderLinkId="b")
    paid = bench.wallet
    bench.market.settled[CALL.listing] = D(underlying)
    bench.engine.venue.play_to(DELIVERY_MS)
    assert bench.wallet - paid == (2 * worth if side == "Buy" else -2 * worth)
    assert not bench.engine.account.position(CALL.listing).size
    assert bench.order(waiting).cancel_type == "CancelByDelivery"
    assert bench.engine.margin_now().initial == 0


def test_a_crash_in_the_middle_settles_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, others=[FUTURE])
    near_the_end(bench)
    bench.place("Buy", "0.500", **DATED)
    bench.place("Buy", "0.100", "50000.00", **DATED)
    kept = len(bench.log.entries)
    bench.market.settled[FUTURE.listing] = D("61000")
    bench.engine.venue.play_to(DELIVERY_MS)
    bench.log.close()
    path = tmp_path / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > kept
    for length in range(kept, len(lines) + 1):
        path.write_bytes(b"".join(lines[:length]))
        after = Bench(tmp_path, fund=False, others=[FUTURE])
        after.market.now_ms = DELIVERY_MS
        after.market.settled[FUTURE.listing] = D("61000")
        after.engine.resume()
        after.engine.venue.play_to(DELIVERY_MS + SECOND)
        assert (after.wallet, len(settlements(after))) == (bench.wallet, 1)
        assert not after.engine.account.has_live_orders
        after.log.close()


def test_what_is_held_of_listings_that_are_gone_is_over_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = replace(CALL, symbol="BTC-14DEC23-58000-C-USDT", strike=D(58_000))
    monkeypatch.setitem(PRICES, call.listing, D(1_200))
    bench = Bench(tmp_path, others=[FUTURE, call, ETHUSDT])
    bench.place("Buy", "2.00", "1205", category="option", symbol=call.symbol, orderLinkId="a")
    bench.place("Sell", "0.500", **DATED)
    bench.place("Buy", "1.00", category="linear", symbol="ETHUSDT")
    bench.place("Buy", "0.100", "50000.00", **DATED)
    bench.place("Buy", "0.100", "50000.00")
    before = bench.wallet
    entry = bench.engine.account.position("ETHUSDT").average_price
    bench.log.close()

    again = Bench(tmp_path)  # a market of BTCUSDT alone, at 60 000
    again.engine.resume()
    assert not any(position.size for position in again.engine.account.positions.values())
    assert [order.symbol for order in again.engine.account.live_orders()] == ["BTCUSDT"]
    # The option is worth 2000 each, the contract is bought back at 60 000, ether at what it had cost.
    assert again.wallet - before == 2 * D(2_000) + D("0.5") * (D("59999.90") - D(60_000))
    assert again.engine.account.executions[-1].fill.fee == 0
    assert {e.fill.price for e in again.engine.account.executions[-3:]} == {D(2_000), D(60_000), entry}
    assert again.engine.margin_now().available > 0
    entries = len(again.log.entries)
    again.engine.resume()
    assert len(again.log.entries) == entries
