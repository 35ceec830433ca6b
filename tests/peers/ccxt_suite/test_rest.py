"""ccxt, synchronous: what it reads at its start, every market call, every kind of order, what an account tells."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from typing import Any

import ccxt
import pytest

PERP, USDC_PERP, INVERSE, SPOT = "BTC/USDT:USDT", "BTC/USDC:USDC", "BTC/USD:BTC", "BTC/USDT"
TRADED = [PERP, USDC_PERP, INVERSE, SPOT]
CONTRACTS = TRADED[:3]
SIZE = {PERP: 0.01, USDC_PERP: 0.01, INVERSE: 100, SPOT: 0.01}
HOUR_MS = 3_600_000


@pytest.fixture(scope="module", autouse=True)
def _still(motion: Any) -> Any:
    motion(do="pause")
    yield
    motion(do="resume")


def price(rest: Any, symbol: str, share: float = 1) -> float:
    return float(rest.price_to_precision(symbol, rest.fetch_ticker(symbol)["last"] * share))


def filled(rest: Any, once: Any, symbol: str, side: str, amount: float | None = None, **params: Any) -> dict[str, Any]:
    """A market order and its fills."""
    order = rest.create_order(symbol, "market", side, amount or SIZE[symbol], None, params)
    trades = once(lambda: rest.fetch_order_trades(order["id"], symbol))
    return {"id": order["id"], "trades": trades}


def flat(rest: Any, once: Any, symbol: str) -> None:
    rest.cancel_all_orders(symbol)
    if ":" not in symbol:
        return
    for row in rest.fetch_positions([symbol]):
        if row["contracts"]:
            side = "sell" if row["side"] == "long" else "buy"
            rest.create_order(symbol, "market", side, row["contracts"], None, {"reduceOnly": True})
    once(lambda: not any(row["contracts"] for row in rest.fetch_positions([symbol])))


# What it reads at its start.


def test_markets_of_every_kind_are_loaded(rest: Any) -> None:
    kinds = {(market["type"], "inverse" if market["inverse"] else "") for market in rest.markets.values()}
    assert kinds >= {
        ("spot", ""), ("swap", ""), ("swap", "inverse"), ("future", ""), ("future", "inverse"), ("option", ""),
    }  # fmt: skip
    assert {rest.market(symbol)["contract"] for symbol in CONTRACTS} == {True}
    assert (rest.market(INVERSE)["settle"], rest.market(USDC_PERP)["settle"]) == ("BTC", "USDC")
    assert rest.market(PERP)["precision"]["price"] > 0
    options = [market for market in rest.markets.values() if market["option"]]
    assert {market["optionType"] for market in options} == {"call", "put"}
    assert all(market["strike"] > 0 and market["expiry"] > 0 for market in options)


def test_currencies_hold_every_coin_of_the_markets(rest: Any) -> None:
    wanted = {market["base"] for market in rest.markets.values() if market["spot"]} | {"USDT", "USDC"}
    assert wanted <= set(rest.currencies)
    assert rest.currencies["BTC"]["networks"]


def test_the_account_is_a_unified_one(rest: Any) -> None:
    margin, unified = rest.is_unified_enabled()
    assert (margin, unified) == (False, True)


# Market data.


@pytest.mark.parametrize("symbol", TRADED)
def test_ticker_book_trades_and_candles_tell_the_same(rest: Any, symbol: str) -> None:
    ticker = rest.fetch_ticker(symbol)
    book = rest.fetch_order_book(symbol, 50)
    assert (ticker["bid"], ticker["ask"]) == (book["bids"][0][0], book["asks"][0][0])
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    trades = rest.fetch_trades(symbol, limit=20)
    assert trades[-1]["price"] == ticker["last"]
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    candles = rest.fetch_ohlcv(symbol, "1h", limit=5)
    assert candles[-1][4] == ticker["last"]
    assert [row[0] - candles[0][0] for row in candles] == [n * HOUR_MS for n in range(5)]
    since = rest.fetch_ohlcv(symbol, "1h", since=candles[1][0], limit=2)
    assert since == candles[1:3]


def test_tickers_of_all_symbols(rest: Any) -> None:
    for symbol in TRADED:
        kind = {"type": "spot"} if symbol == SPOT else {"subType": "inverse" if symbol == INVERSE else "linear"}
        assert symbol in rest.fetch_tickers(params=kind)


@pytest.mark.parametrize("symbol", CONTRACTS)
def test_what_contracts_have_beside_prices(rest: Any, symbol: str) -> None:
    rate = rest.fetch_funding_rate(symbol)
    history = rest.fetch_funding_rate_history(symbol, limit=3)
    assert rate["fundingTimestamp"] > history[-1]["timestamp"]
    assert history[1]["timestamp"] - history[0]["timestamp"] == 8 * HOUR_MS
    assert rest.fetch_open_interest_history(symbol, "1h", limit=3)[-1]["timestamp"] % HOUR_MS == 0
    assert rest.fetch_open_interest(symbol)["symbol"] == symbol
    tiers = rest.fetch_market_leverage_tiers(symbol)
    assert tiers[0]["maxLeverage"] == rest.market(symbol)["limits"]["leverage"]["max"]
    for kind in ("mark", "index"):
        assert len(rest.fetch_ohlcv(symbol, "1m", limit=3, params={"price": kind})) == 3
    ratio = rest.fetch_long_short_ratio_history(symbol, "1h", limit=2)
    assert all(row["longShortRatio"] > 0 for row in ratio)


def test_premium_candles(rest: Any) -> None:
    assert len(rest.fetch_ohlcv(PERP, "1m", limit=3, params={"price": "premiumIndex"})) == 3


def test_options_have_a_chain_and_greeks(rest: Any) -> None:
    chain = rest.fetch_option_chain("BTC")
    symbol = next(iter(chain))
    assert rest.market(symbol)["base"] == "BTC"
    assert -1 <= rest.fetch_greeks(symbol)["delta"] <= 1
    assert rest.fetch_ticker(symbol)["symbol"] == symbol
    assert rest.fetch_order_book(symbol)["asks"]
    assert rest.fetch_option(symbol)["underlyingPrice"] > 0


def test_clock_and_status(rest: Any) -> None:
    assert abs(rest.fetch_time() - time.time() * 1000) < 2_000
    assert rest.fetch_status()["status"] == "ok"


# Orders.


@pytest.mark.parametrize("symbol", TRADED)
def test_a_limit_order_rests_is_edited_and_cancelled(rest: Any, symbol: str) -> None:
    low = price(rest, symbol, 0.98)
    order = rest.create_order(symbol, "limit", "buy", SIZE[symbol], low, {"clientOrderId": f"ccxt-{time.time_ns()}"})
    (resting,) = rest.fetch_open_orders(symbol)
    assert (resting["id"], resting["price"], resting["status"]) == (order["id"], low, "open")
    lower = price(rest, symbol, 0.97)
    rest.edit_order(order["id"], symbol, "limit", "buy", SIZE[symbol] * 2, lower)
    seen = rest.fetch_order(order["id"], symbol, {"acknowledged": True})
    assert (seen["amount"], seen["price"]) == (SIZE[symbol] * 2, lower)
    rest.cancel_order(order["id"], symbol)
    assert rest.fetch_open_orders(symbol) == []
    gone = rest.fetch_canceled_orders(symbol)
    assert (gone[-1]["id"], gone[-1]["status"], gone[-1]["symbol"]) == (order["id"], "canceled", symbol)
    with pytest.raises(ccxt.OrderNotFound):
        rest.cancel_order(order["id"], symbol)


@pytest.mark.parametrize("symbol", TRADED)
def test_a_market_order_fills(rest: Any, once: Any, symbol: str) -> None:
    order = filled(rest, once, symbol, "buy")
    closed = once(lambda: [row for row in rest.fetch_closed_orders(symbol) if row["id"] == order["id"]])
    assert (closed[0]["status"], closed[0]["filled"]) == ("closed", SIZE[symbol])
    assert sum(trade["amount"] for trade in order["trades"]) == pytest.approx(SIZE[symbol])
    assert all(trade["fee"]["cost"] > 0 and trade["takerOrMaker"] == "taker" for trade in order["trades"])
    mine = rest.fetch_my_trades(symbol)
    assert {trade["id"] for trade in order["trades"]} <= {trade["id"] for trade in mine}
    flat(rest, once, symbol)


@pytest.mark.parametrize("symbol", TRADED)
def test_times_in_force(rest: Any, once: Any, symbol: str) -> None:
    low = price(rest, symbol, 0.98)

    def ends(status: str, price: float = low, **params: Any) -> None:
        order = rest.create_order(symbol, "limit", "buy", SIZE[symbol], price, params)
        once(lambda: rest.fetch_order(order["id"], symbol, {"acknowledged": True})["status"] == status)

    ask = rest.fetch_order_book(symbol, 25)["asks"][0][0]
    ends("canceled", timeInForce="IOC")
    ends("canceled", timeInForce="FOK")
    ends("closed", price=ask, timeInForce="IOC")
    ends("canceled", price=ask, postOnly=True)
    ends("open", postOnly=True)
    flat(rest, once, symbol)


def test_a_client_order_id_is_taken_once(rest: Any) -> None:
    for symbol in (PERP, SPOT):
        name, low = f"twice-{time.time_ns()}", price(rest, symbol, 0.98)
        rest.create_order(symbol, "limit", "buy", SIZE[symbol], low, {"clientOrderId": name})
        with pytest.raises(ccxt.InvalidOrder):
            rest.create_order(symbol, "limit", "buy", SIZE[symbol], low, {"clientOrderId": name})
        rest.cancel_all_orders(symbol)


def test_trigger_orders_in_every_form(rest: Any, once: Any, motion: Any) -> None:
    high, low = price(rest, PERP, 1.1), price(rest, PERP, 0.9)
    rest.create_order(PERP, "market", "buy", 0.01, None, {"triggerPrice": high, "triggerDirection": "ascending"})
    rest.create_order(PERP, "limit", "sell", 0.01, low, {"triggerPrice": low, "triggerDirection": "descending"})
    filled(rest, once, PERP, "buy")
    rest.create_order(PERP, "market", "sell", 0.01, None, {"stopLossPrice": low})
    rest.create_order(PERP, "market", "sell", 0.01, None, {"takeProfitPrice": high})
    waiting = rest.fetch_open_orders(PERP, params={"trigger": True})
    assert sorted(row["triggerPrice"] for row in waiting) == [low, low, high, high]
    assert {row["info"]["orderStatus"] for row in waiting} == {"Untriggered"}
    rest.cancel_all_orders(PERP, {"trigger": True})
    assert rest.fetch_open_orders(PERP) == []
    tick = rest.market(PERP)["precision"]["price"]
    near = rest.fetch_ticker(PERP)["last"] - 2 * tick
    soon = rest.create_order(PERP, "market", "sell", 0.01, None, {"stopLossPrice": near})
    motion.falls_until(lambda: rest.fetch_order_trades(soon["id"], PERP))
    once(lambda: not any(row["contracts"] for row in rest.fetch_positions([PERP])))


def test_exits_with_the_entry_on_the_position_and_trailing(rest: Any, once: Any) -> None:
    exits = {
        "stopLoss": {"triggerPrice": price(rest, PERP, 0.9)},
        "takeProfit": {"triggerPrice": price(rest, PERP, 1.1)},
    }
    rest.create_order(PERP, "market", "buy", 0.01, None, exits)
    legs = once(lambda: len(found := rest.fetch_open_orders(PERP)) == 2 and found)
    assert {leg["info"]["stopOrderType"] for leg in legs} == {"TakeProfit", "StopLoss"}
    assert all(leg["reduceOnly"] for leg in legs)
    row = rest.fetch_position(PERP)
    assert (row["stopLossPrice"], row["takeProfitPrice"]) == (
        exits["stopLoss"]["triggerPrice"],
        exits["takeProfit"]["triggerPrice"],
    )
    flat(rest, once, PERP)


def test_a_trailing_order(rest: Any, once: Any) -> None:
    filled(rest, once, PERP, "buy")
    rest.create_order(PERP, "market", "sell", 0.01, None, {"trailingAmount": "500"})
    (leg,) = rest.fetch_open_orders(PERP)
    assert leg["info"]["stopOrderType"] == "TrailingStop"
    flat(rest, once, PERP)


def test_spot_stops(rest: Any, once: Any, motion: Any) -> None:
    tick = rest.market(SPOT)["precision"]["price"]
    near = rest.fetch_ticker(SPOT)["last"] - 2 * tick
    soon = rest.create_order(SPOT, "market", "sell", 0.01, None, {"triggerPrice": near})
    motion.falls_until(lambda: rest.fetch_order_trades(soon["id"], SPOT))
    bought = rest.create_market_buy_order_with_cost(SPOT, 500)
    trades = once(lambda: rest.fetch_order_trades(bought["id"], SPOT))
    assert 480 < sum(trade["cost"] for trade in trades) <= 500


def test_reduce_only_and_closing(rest: Any, once: Any) -> None:
    flat(rest, once, PERP)
    with pytest.raises(ccxt.ExchangeError, match="110017"):
        rest.create_order(PERP, "market", "sell", 0.01, None, {"reduceOnly": True})
    filled(rest, once, PERP, "buy")
    filled(rest, once, PERP, "sell", 0.03, reduceOnly=True)
    once(lambda: not any(row["contracts"] for row in rest.fetch_positions([PERP])))


def test_orders_in_batches(rest: Any) -> None:
    low = price(rest, PERP, 0.95)
    wish = {"symbol": PERP, "type": "limit", "side": "buy", "amount": 0.01, "price": low}
    made = rest.create_orders([wish, wish])
    assert len({order["id"] for order in made}) == 2
    changed = [
        {"id": order["id"], "symbol": PERP, "type": "limit", "side": "buy", "amount": 0.02, "price": low}
        for order in made
    ]
    rest.edit_orders(changed)
    assert {row["amount"] for row in rest.fetch_open_orders(PERP)} == {0.02}
    rest.cancel_orders([order["id"] for order in made], PERP)
    assert rest.fetch_open_orders(PERP) == []


def test_lists_come_page_by_page(rest: Any) -> None:
    low = price(rest, PERP, 0.95)
    wish = {"symbol": PERP, "type": "limit", "side": "buy", "amount": 0.01, "price": low}
    made = [order["id"] for _ in range(2) for order in rest.create_orders([wish] * 4)]
    found, cursor = [], None
    while True:
        page = rest.fetch_open_orders(PERP, limit=3, params={"cursor": cursor} if cursor else {})
        found += [row["id"] for row in page]
        cursor = next((row["info"]["nextPageCursor"] for row in page if row["info"].get("nextPageCursor")), None)
        if not cursor:
            break
    assert sorted(found) == sorted(made)
    paged = rest.fetch_open_orders(PERP, params={"paginate": True, "limit": 5})
    assert len(paged) >= len(made)
    rest.cancel_all_orders(PERP)


def test_cancelling_all_of_a_coin(rest: Any) -> None:
    order = rest.create_order(PERP, "limit", "buy", 0.01, price(rest, PERP, 0.95))
    rest.cancel_all_orders(params={"settleCoin": "USDT"})
    assert rest.fetch_order(order["id"], PERP, {"acknowledged": True})["status"] == "canceled"


def test_an_option_is_bought(rest: Any, once: Any) -> None:
    symbol = next(iter(rest.fetch_option_chain("BTC")))
    market = rest.market(symbol)
    ask = rest.fetch_order_book(symbol)["asks"][0][0]
    order = rest.create_order(
        symbol, "limit", "buy", market["limits"]["amount"]["min"], ask, {"clientOrderId": f"option-{time.time_ns()}"}
    )
    assert once(lambda: rest.fetch_my_trades(symbol))[-1]["order"] == order["id"]


# The account.


def test_balances(rest: Any, once: Any) -> None:
    before = rest.fetch_balance()
    assert before["BTC"]["free"] <= before["BTC"]["total"]
    order = rest.create_order(SPOT, "limit", "sell", 1, price(rest, SPOT, 1.05))
    after = rest.fetch_balance()
    assert after["BTC"]["free"] == pytest.approx(before["BTC"]["free"] - 1)
    assert after["BTC"]["total"] == before["BTC"]["total"]
    rest.cancel_order(order["id"], SPOT)
    assert isinstance(rest.fetch_balance({"type": "funding"})["info"], dict)


@pytest.mark.parametrize("symbol", CONTRACTS)
def test_a_position_is_opened_seen_and_closed(rest: Any, once: Any, symbol: str) -> None:
    order = filled(rest, once, symbol, "sell")
    (row,) = [row for row in rest.fetch_positions([symbol]) if row["contracts"]]
    assert (row["side"], row["contracts"]) == ("short", SIZE[symbol])
    entry = sum(Decimal(str(t["price"])) * Decimal(str(t["amount"])) for t in order["trades"])
    amount = sum(Decimal(str(t["amount"])) for t in order["trades"])
    assert row["entryPrice"] == pytest.approx(float(entry / amount), rel=1e-4)
    assert rest.fetch_position(symbol)["contracts"] == SIZE[symbol]
    assert symbol in {
        held["symbol"]
        for held in rest.fetch_positions(
            params={"settleCoin": rest.market(symbol)["settle"]} | ({"subType": "inverse"} if symbol == INVERSE else {})
        )
    }
    flat(rest, once, symbol)
    history = rest.fetch_positions_history([symbol])
    assert history[0]["symbol"] == symbol


def test_leverage_and_modes(rest: Any) -> None:
    rest.set_leverage(13, "ETH/USDT:USDT")
    assert rest.fetch_leverage("ETH/USDT:USDT")["longLeverage"] == 13
    with pytest.raises(ccxt.BadRequest):
        rest.set_leverage(13, "ETH/USDT:USDT")
    with pytest.raises(ccxt.NoChange):
        rest.set_position_mode(False, "ETH/USDT:USDT")
    rest.set_margin_mode("cross", "ETH/USDT:USDT")


def test_hedge_mode_as_ccxt_asks_for_it(rest: Any, once: Any) -> None:
    symbol = "ADA/USDT:USDT"
    rest.set_position_mode(True, symbol)
    rest.create_order(symbol, "market", "buy", 100, None, {"hedged": True})
    rest.create_order(symbol, "market", "sell", 200, None, {"hedged": True})
    held = once(lambda: len(rows := [r for r in rest.fetch_positions([symbol]) if r["contracts"]]) == 2 and rows)
    assert {(row["side"], row["contracts"], row["hedged"]) for row in held} == {
        ("long", 100, True),
        ("short", 200, True),
    }
    rest.create_order(symbol, "market", "sell", 100, None, {"hedged": True, "reduceOnly": True})
    rest.create_order(symbol, "market", "buy", 200, None, {"hedged": True, "reduceOnly": True})
    once(lambda: not any(row["contracts"] for row in rest.fetch_positions([symbol])))
    rest.set_position_mode(False, symbol)


def test_fees_and_the_ledger(rest: Any, once: Any) -> None:
    assert rest.fetch_trading_fee(PERP)["taker"] > 0
    assert PERP in rest.fetch_trading_fees()
    filled(rest, once, PERP, "buy")
    filled(rest, once, PERP, "sell")
    entries = rest.fetch_ledger("USDT", limit=20)
    assert {entry["currency"] for entry in entries} == {"USDT"}
    assert all(entry["before"] != entry["after"] for entry in entries if entry["type"] == "trade")


# Refusals.


def test_wrong_keys_signatures_and_clocks(rest: Any) -> None:
    def other(**keys: str) -> Any:
        exchange = ccxt.bybit({"apiKey": rest.apiKey, "secret": rest.secret} | keys)
        exchange.urls["api"] = rest.urls["api"]
        return exchange

    with pytest.raises(ccxt.AuthenticationError):
        other(secret="wrong").fetch_balance()
    with pytest.raises(ccxt.AuthenticationError):
        other(apiKey="nobody").fetch_balance()
    late = other()
    late.milliseconds = lambda: int(time.time() * 1000) - 60_000
    with pytest.raises(ccxt.InvalidNonce):
        late.fetch_balance()
    late.load_time_difference()
    late.options["adjustForTimeDifference"] = True


def test_money_that_is_not_there(rest: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        rest.create_order(SPOT, "limit", "sell", 60, price(rest, SPOT, 1.01))
    with pytest.raises(ccxt.InsufficientFunds):
        rest.create_order(PERP, "limit", "buy", 1000, price(rest, PERP, 0.99))


def test_a_symbol_that_is_not_there(rest: Any) -> None:
    with pytest.raises(ccxt.BadRequest, match=re.compile("symbol", re.IGNORECASE)):
        rest.public_get_v5_market_orderbook({"category": "linear", "symbol": "NOSUCHUSDT"})
