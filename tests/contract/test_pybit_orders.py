"""Every kind of order as unmodified pybit sends it, in every category: how it ends, and what the account has then.

The market stands still and is moved by hand, so that nothing fills or triggers but what a test waits for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from pybit.unified_trading import HTTP

from support.exchange_process import UNHURRIED, ExchangeProcess, exchange_process
from support.pybit_client import http, once, outcome, refusal, rows

NAMES = itertools.count(1)
FINAL = {"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"}
CATEGORIES = ["linear", "inverse", "spot"]
ETH = {"linear": "ETHUSDT", "inverse": "ETHUSD", "spot": "ETHUSDT"}
SIZES = {"linear": "0.10", "inverse": "100", "spot": "0.10000"}


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeProcess]:
    with exchange_process(*UNHURRIED) as running:
        running.pause()
        yield running


@pytest.fixture(scope="module")
def session(exchange: ExchangeProcess) -> HTTP:
    return http(exchange)


class Desk:
    """One instrument, traded by pybit."""

    def __init__(self, session: HTTP, category: str, symbol: str) -> None:
        self.session = session
        self.at = {"category": category, "symbol": symbol}
        self.category = category
        (self.spec,) = rows(session.get_instruments_info(**self.at))

    @property
    def ticker(self) -> dict[str, Any]:
        return rows(self.session.get_tickers(**self.at))[0]

    def price(self, share: str = "1") -> str:
        """The last price times `share`, on the grid."""
        tick = Decimal(self.spec["priceFilter"]["tickSize"])
        return str((Decimal(self.ticker["lastPrice"]) * Decimal(share) / tick).to_integral_value(ROUND_DOWN) * tick)

    def beside(self, ticks: int) -> str:
        return str(Decimal(self.ticker["lastPrice"]) + ticks * Decimal(self.spec["priceFilter"]["tickSize"]))

    def place(self, side: str, qty: str, price: str | None = None, **more: Any) -> dict[str, Any]:
        """The order some moments after its acknowledgement: as it rests, waits or ended."""
        if price is not None:
            more["price"] = price
        sent = {"side": side, "qty": qty, "orderType": "Market" if price is None else "Limit"} | more
        made = self.session.place_order(**self.at, **sent)["result"]
        if price is None and "triggerPrice" not in more:
            return self.ended(made["orderId"])
        return self.order(made["orderId"])

    def order(self, order_id: str) -> dict[str, Any]:
        (row,) = rows(self.session.get_open_orders(**self.at, orderId=order_id))
        return row

    def ended(self, order_id: str) -> dict[str, Any]:
        def look() -> list[dict[str, Any]]:
            return rows(self.session.get_order_history(**self.at, orderId=order_id))

        (row,) = once(look)
        assert row["orderStatus"] in FINAL
        return dict(row)

    def fills(self, order_id: str) -> list[dict[str, Any]]:
        return rows(self.session.get_executions(**self.at, orderId=order_id))

    def waiting(self, **more: Any) -> list[dict[str, Any]]:
        return rows(self.session.get_open_orders(**self.at, limit=50, **more))

    def position(self, index: int = 0) -> dict[str, Any]:
        found = rows(self.session.get_positions(**self.at))
        return next(row for row in found if row["positionIdx"] == index)

    def flat(self) -> None:
        """No order, no position."""
        self.session.cancel_all_orders(**self.at)
        if self.category == "spot":
            return
        for row in rows(self.session.get_positions(**self.at)):
            if Decimal(row["size"]):
                side = "Sell" if row["side"] == "Buy" else "Buy"
                self.place(side, row["size"], reduceOnly=True, positionIdx=row["positionIdx"])


@pytest.fixture
def eth(session: HTTP, request: pytest.FixtureRequest) -> Iterator[Desk]:
    category = getattr(request, "param", "linear")
    desk = Desk(session, category, ETH[category])
    yield desk
    desk.flat()


def each_category() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("eth", CATEGORIES, indirect=True)


@each_category()
def test_good_till_cancelled_rests_until_it_is_cancelled(eth: Desk) -> None:
    order = eth.place("Buy", SIZES[eth.category], eth.price("0.98"))
    assert (order["orderStatus"], order["timeInForce"], order["leavesQty"]) == ("New", "GTC", order["qty"])
    eth.session.cancel_order(**eth.at, orderId=order["orderId"])
    (row,) = rows(eth.session.get_order_history(**eth.at, orderId=order["orderId"]))
    assert (row["orderStatus"], row["cancelType"], Decimal(row["leavesQty"])) == ("Cancelled", "CancelByUser", 0)


@each_category()
def test_a_market_order_fills_and_pays_the_takers_fee(eth: Desk) -> None:
    order = eth.place("Buy", SIZES[eth.category], **({"marketUnit": "baseCoin"} if eth.category == "spot" else {}))
    assert (order["orderStatus"], order["cumExecQty"]) == ("Filled", order["qty"])
    fills = eth.fills(order["orderId"])
    assert sum(Decimal(fill["execQty"]) for fill in fills) == Decimal(order["cumExecQty"])
    assert {(fill["isMaker"], fill["execType"]) for fill in fills} == {(False, "Trade")}
    (rate,) = rows(eth.session.get_fee_rates(**eth.at))
    paid_in = {"linear": "execValue", "inverse": "execValue", "spot": "execQty"}[eth.category]
    for fill in fills:
        fee = Decimal(fill["execFee"])
        assert abs(fee - Decimal(fill[paid_in]) * Decimal(rate["takerFeeRate"])) <= Decimal("0.00000001")
    currency = {"linear": "USDT", "inverse": "ETH", "spot": "ETH"}[eth.category]
    assert {fill["feeCurrency"] for fill in fills} == {currency}
    assert order["cumFeeDetail"].keys() == {currency}


@each_category()
def test_immediate_or_cancel_takes_what_is_there(eth: Desk) -> None:
    none = eth.session.place_order(
        **eth.at, side="Buy", orderType="Limit", timeInForce="IOC", qty=SIZES[eth.category], price=eth.price("0.98")
    )
    row = eth.ended(none["result"]["orderId"])
    assert (row["orderStatus"], Decimal(row["cumExecQty"])) == ("Cancelled", 0)
    book = eth.session.get_orderbook(**eth.at, limit=50)["result"]
    there = Decimal(book["a"][0][1])
    more = there + Decimal(SIZES[eth.category])
    some = eth.session.place_order(
        **eth.at, side="Buy", orderType="Limit", timeInForce="IOC", qty=str(more), price=book["a"][0][0]
    )
    row = eth.ended(some["result"]["orderId"])
    assert Decimal(row["cumExecQty"]) == there
    assert row["orderStatus"] == ("PartiallyFilledCanceled" if eth.category == "spot" else "Cancelled")
    assert Decimal(row["leavesQty"]) == 0


@each_category()
def test_fill_or_kill_takes_all_or_nothing(eth: Desk) -> None:
    best = eth.session.get_orderbook(**eth.at, limit=50)["result"]["a"][0]
    sent = {"side": "Buy", "orderType": "Limit", "timeInForce": "FOK", "price": best[0]}
    more = Decimal(best[1]) + Decimal(SIZES[eth.category])
    nothing = eth.ended(eth.session.place_order(**eth.at, **sent, qty=str(more))["result"]["orderId"])
    assert (nothing["orderStatus"], Decimal(nothing["cumExecQty"])) == ("Cancelled", 0)
    whole = eth.ended(eth.session.place_order(**eth.at, **sent, qty=SIZES[eth.category])["result"]["orderId"])
    assert (whole["orderStatus"], whole["avgPrice"] != "") == ("Filled", True)


@each_category()
def test_post_only_rests_or_is_cancelled(eth: Desk) -> None:
    resting = eth.place("Sell", SIZES[eth.category], eth.price("1.02"), timeInForce="PostOnly")
    assert (resting["orderStatus"], resting["timeInForce"]) == ("New", "PostOnly")
    crossing = eth.session.place_order(
        **eth.at,
        side="Sell",
        orderType="Limit",
        timeInForce="PostOnly",
        qty=SIZES[eth.category],
        price=eth.ticker["bid1Price"],
    )
    row = eth.ended(crossing["result"]["orderId"])
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")


@each_category()
def test_an_order_partly_filled_rests_and_may_not_shrink_below_its_fill(eth: Desk) -> None:
    best = eth.session.get_orderbook(**eth.at, limit=1)["result"]["a"][0]
    more = Decimal(best[1]) + Decimal(SIZES[eth.category])
    made = eth.session.place_order(**eth.at, side="Buy", orderType="Limit", qty=str(more), price=best[0])
    order_id = made["result"]["orderId"]
    row = once(lambda: (found := eth.order(order_id))["orderStatus"] == "PartiallyFilled" and found)
    assert Decimal(row["cumExecQty"]) == Decimal(best[1])
    assert Decimal(row["leavesQty"]) == Decimal(SIZES[eth.category])
    below = str(Decimal(best[1]) - Decimal(SIZES[eth.category]) / 10)
    assert refusal(eth.session.amend_order, **eth.at, orderId=order_id, qty=below) in (110064, 170313)
    eth.session.cancel_order(**eth.at, orderId=order_id)
    assert eth.ended(order_id)["orderStatus"] == ("PartiallyFilledCanceled" if eth.category == "spot" else "Cancelled")


@each_category()
def test_an_order_is_amended_and_keeps_its_id(eth: Desk) -> None:
    order = eth.place("Buy", SIZES[eth.category], eth.price("0.98"))
    twice = str(Decimal(SIZES[eth.category]) * 2)
    eth.session.amend_order(**eth.at, orderId=order["orderId"], qty=twice, price=eth.price("0.97"))
    row = eth.order(order["orderId"])
    assert (Decimal(row["qty"]), Decimal(row["price"])) == (Decimal(twice), Decimal(eth.price("0.97")))
    assert int(row["updatedTime"]) >= int(row["createdTime"])
    assert row["createdTime"] == order["createdTime"]


@each_category()
def test_a_link_id_is_taken_once_for_ever(eth: Desk) -> None:
    name = f"once-{next(NAMES)}"
    sent = {"side": "Buy", "orderType": "Limit", "qty": SIZES[eth.category], "price": eth.price("0.98")}
    duplicate = 170141 if eth.category == "spot" else 110072
    first = eth.session.place_order(**eth.at, **sent, orderLinkId=name)["result"]
    assert refusal(eth.session.place_order, **eth.at, **sent, orderLinkId=name) == duplicate
    eth.session.cancel_order(**eth.at, orderLinkId=name)
    assert refusal(eth.session.place_order, **eth.at, **sent, orderLinkId=name) == duplicate
    (row,) = rows(eth.session.get_order_history(**eth.at, orderLinkId=name))
    assert row["orderId"] == first["orderId"]
    assert refusal(eth.session.place_order, **eth.at, **sent, orderLinkId="x" * 37) == 10001
    assert refusal(eth.session.place_order, **eth.at, **sent, orderLinkId="a b") == 10001


@each_category()
def test_a_batch_tells_of_each_item(eth: Desk) -> None:
    names = [f"batch-{next(NAMES)}" for _ in range(2)]
    item = {"symbol": eth.at["symbol"], "side": "Buy", "orderType": "Limit", "qty": SIZES[eth.category]}
    wanted = [item | {"price": eth.price("0.98"), "orderLinkId": name} for name in (*names, names[0])]
    made = eth.session.place_batch_order(category=eth.category, request=wanted)
    duplicate = 170141 if eth.category == "spot" else 110072
    assert [outcome["code"] for outcome in made["retExtInfo"]["list"]] == [0, 0, duplicate]
    assert [bool(row["orderId"]) for row in rows(made)] == [True, True, False]
    changed = {"symbol": eth.at["symbol"], "orderLinkId": names[0], "price": eth.price("0.97")}
    amended = eth.session.amend_batch_order(category=eth.category, request=[changed])
    assert [outcome["code"] for outcome in amended["retExtInfo"]["list"]] == [0]
    assert {Decimal(row["price"]) for row in eth.waiting()} == {Decimal(eth.price("0.98")), Decimal(eth.price("0.97"))}
    gone = [{"symbol": eth.at["symbol"], "orderLinkId": name} for name in (*names, "nobody")]
    cancelled = eth.session.cancel_batch_order(category=eth.category, request=gone)
    missing = 170213 if eth.category == "spot" else 110001
    assert [outcome["code"] for outcome in cancelled["retExtInfo"]["list"]] == [0, 0, missing]
    assert eth.waiting() == []


@each_category()
def test_a_cancel_that_is_too_late_says_so(eth: Desk) -> None:
    missing = 170213 if eth.category == "spot" else 110001
    assert refusal(eth.session.cancel_order, **eth.at, orderId="nobody") == missing
    for _ in range(3):
        # Sent at once behind the order, the cancel may win or lose; the order ends once, in the way the answer says.
        made = eth.session.place_order(**eth.at, side="Sell", orderType="Market", qty=SIZES[eth.category])
        order_id = made["result"]["orderId"]
        assert outcome(eth.session.cancel_order, **eth.at, orderId=order_id) in (0, missing)
        row = eth.ended(order_id)
        assert row["orderStatus"] in {"Filled", "Cancelled"}
        fills = sum(Decimal(fill["execQty"]) for fill in eth.fills(order_id))
        assert fills == (Decimal(row["qty"]) if row["orderStatus"] == "Filled" else 0)
        assert refusal(eth.session.cancel_order, **eth.at, orderId=order_id) == missing


@each_category()
def test_of_two_cancels_at_once_one_wins(eth: Desk, exchange: ExchangeProcess) -> None:
    order = eth.place("Buy", SIZES[eth.category], eth.price("0.98"))

    def cancel(session: HTTP) -> int:
        return outcome(session.cancel_order, **eth.at, orderId=order["orderId"])

    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(cancel, [http(exchange) for _ in range(4)]))
    assert codes == [0] + [170213 if eth.category == "spot" else 110001] * 3
    assert len(rows(eth.session.get_order_history(**eth.at, orderId=order["orderId"]))) == 1


@each_category()
def test_open_orders_and_history_come_page_by_page(eth: Desk) -> None:
    made = []
    for _ in range(2):
        wanted = [
            {
                "symbol": eth.at["symbol"],
                "side": "Buy",
                "orderType": "Limit",
                "qty": SIZES[eth.category],
                "price": price,
            }
            for price in (eth.price("0.95"), eth.price("0.96"), eth.price("0.97"))
        ]
        made += [row["orderId"] for row in rows(eth.session.place_batch_order(category=eth.category, request=wanted))]
    assert paged(eth.session.get_open_orders, **eth.at, limit=4) == made[::-1]
    gone = rows(eth.session.cancel_all_orders(**eth.at))
    assert {row["orderId"] for row in gone} == set(made)
    past = paged(eth.session.get_order_history, **eth.at, limit=4)
    assert len(set(past)) == len(past)
    assert past[:6] == made[::-1]


def paged(call: Any, **arguments: Any) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = call(**arguments, cursor=cursor)["result"]
        found += [row["orderId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        if not cursor:
            return found
        assert page["list"]


@each_category()
def test_sizes_and_prices_off_the_grid_are_refused(eth: Desk) -> None:
    sent = {"side": "Buy", "orderType": "Limit"}
    place = eth.session.place_order
    fine = {"qty": SIZES[eth.category], "price": eth.price("0.98")}
    spot = eth.category == "spot"
    assert refusal(place, **eth.at, **sent, **fine | {"price": fine["price"] + "001"}) in (
        (170134,) if spot else (10001,)
    )
    assert refusal(place, **eth.at, **sent, **fine | {"qty": "0.000000000001"}) in ((170137,) if spot else (10001,))
    assert refusal(place, **eth.at, **sent, **fine | {"qty": "1000000000"}) in (170381, 170124, 10001, 110007)
    assert refusal(place, **eth.at, **sent, **fine | {"qty": "-1"}) in (10001, 170115, 170130)
    assert refusal(place, **eth.at, **sent | {"side": "Long"}, **fine) in (10001, 170117, 170130)
    assert refusal(place, category=eth.category, symbol="NOSUCH", **sent, **fine) in (10001, 170121)
    assert eth.waiting() == []


# Conditional orders.


RISE, FALL = "0.01", "-0.01"


def step_until(exchange: ExchangeProcess, look: Any, *, move: str = "") -> Any:
    """Lets the market go on by a second at a time until `look` finds something; `move` is what ETH does first."""
    if move:
        exchange.jump("ETH", move)
    for _ in range(400):
        if found := look():
            return found
        exchange.step(seconds=1)
    raise AssertionError("it never came")


@pytest.mark.parametrize("eth", ["linear", "inverse"], indirect=True)
@pytest.mark.parametrize(("direction", "by"), [(1, "LastPrice"), (2, "LastPrice"), (1, "MarkPrice"), (2, "IndexPrice")])
def test_a_conditional_order_waits_for_its_price(eth: Desk, exchange: ExchangeProcess, direction: int, by: str) -> None:
    field = {"LastPrice": "lastPrice", "MarkPrice": "markPrice", "IndexPrice": "indexPrice"}[by]
    tick = Decimal(eth.spec["priceFilter"]["tickSize"])
    level = (Decimal(eth.ticker[field]) / tick).to_integral_value() * tick
    trigger = str(level + (2 if direction == 1 else -2) * tick)
    order = eth.place(
        "Buy", SIZES[eth.category], triggerPrice=trigger, triggerDirection=direction, triggerBy=by,
        orderLinkId=f"stop-{next(NAMES)}",
    )  # fmt: skip
    assert (order["orderStatus"], order["stopOrderType"], order["triggerBy"]) == ("Untriggered", "Stop", by)
    assert [row["orderId"] for row in eth.waiting(orderFilter="StopOrder")] == [order["orderId"]]
    wrong = {"triggerPrice": trigger, "triggerDirection": 3 - direction, "triggerBy": by}
    sent = {"side": "Buy", "orderType": "Market", "qty": SIZES[eth.category]}
    assert refusal(eth.session.place_order, **eth.at, **sent, **wrong) == (110093 if direction == 1 else 110092)
    move = RISE if direction == 1 else FALL
    step_until(exchange, lambda: rows(eth.session.get_order_history(**eth.at, orderId=order["orderId"])), move=move)
    row = eth.ended(order["orderId"])
    assert (row["orderStatus"], row["orderLinkId"]) == ("Filled", order["orderLinkId"])


def test_a_triggered_limit_order_rests(eth: Desk, exchange: ExchangeProcess) -> None:
    order = eth.place("Buy", "0.10", eth.price("0.9"), triggerPrice=eth.beside(2), triggerDirection=1)
    row = step_until(
        exchange, lambda: (found := eth.order(order["orderId"]))["orderStatus"] == "New" and found, move=RISE
    )
    assert row["price"] == order["price"]


@pytest.mark.parametrize("eth", ["spot"], indirect=True)
def test_spot_stops_freeze_coins_at_once_or_when_triggered(eth: Desk, exchange: ExchangeProcess) -> None:
    def locked() -> Decimal:
        (account,) = rows(eth.session.get_wallet_balance(accountType="UNIFIED", coin="ETH"))
        return Decimal(account["coin"][0]["locked"])

    before = locked()
    stop = eth.place("Sell", "0.10000", eth.price("0.9"), triggerPrice=eth.price("0.95"), orderFilter="StopOrder")
    assert (stop["orderStatus"], locked()) == ("Untriggered", before)
    guard = eth.place("Sell", "0.10000", eth.price("0.9"), triggerPrice=eth.price("0.95"), orderFilter="tpslOrder")
    assert (guard["stopOrderType"], locked()) == ("tpslOrder", before + Decimal("0.1"))
    eth.session.cancel_order(**eth.at, orderId=guard["orderId"], orderFilter="tpslOrder")
    eth.session.cancel_all_orders(**eth.at, orderFilter="StopOrder")
    assert (eth.waiting(), locked()) == ([], before)
    soon = eth.place("Sell", "0.10000", triggerPrice=eth.beside(-2), orderFilter="StopOrder")
    step_until(exchange, lambda: rows(eth.session.get_order_history(**eth.at, orderId=soon["orderId"])), move=FALL)
    assert eth.ended(soon["orderId"])["orderStatus"] == "Filled"


@pytest.mark.parametrize("eth", ["spot"], indirect=True)
def test_spot_market_orders_count_money_or_coins(eth: Desk) -> None:
    money = eth.place("Buy", "100")
    assert Decimal(99) < Decimal(money["cumExecValue"]) <= 100
    assert money["marketUnit"] in ("", "quoteCoin")
    coins = eth.place("Buy", "0.05000", marketUnit="baseCoin")
    assert Decimal(coins["cumExecQty"]) == Decimal("0.05")
    sold = eth.place("Sell", "100", marketUnit="quoteCoin")
    assert Decimal(99) < Decimal(sold["cumExecValue"]) <= 100
    assert refusal(eth.session.place_order, **eth.at, side="Buy", orderType="Market", qty="1") == 170140


# A position and its exits.


@pytest.mark.parametrize("eth", ["linear", "inverse"], indirect=True)
def test_attached_exits_stand_with_the_position_and_fall_with_it(eth: Desk) -> None:
    exits = {"takeProfit": eth.price("1.05"), "stopLoss": eth.price("0.95"), "tpslMode": "Full"}
    name = f"entry-{next(NAMES)}"
    eth.place("Buy", SIZES[eth.category], orderLinkId=name, **exits)
    position = once(lambda: (row := eth.position())["stopLoss"] and row)
    assert Decimal(position["takeProfit"]) == Decimal(exits["takeProfit"])
    legs = {row["stopOrderType"]: row for row in eth.waiting()}
    assert legs.keys() == {"TakeProfit", "StopLoss"}
    assert {row["parentOrderLinkId"] for row in legs.values()} == {name}
    assert {(row["side"], row["reduceOnly"], row["orderStatus"]) for row in legs.values()} == {
        ("Sell", True, "Untriggered")
    }
    eth.place("Sell", SIZES[eth.category], reduceOnly=True)
    once(lambda: eth.waiting() == [])
    ended = eth.ended(legs["StopLoss"]["orderId"])
    assert (ended["orderStatus"], ended["cancelType"]) == ("Deactivated", "CancelByTpSlTsClear")


def test_partial_exits_have_sizes_and_prices_of_their_own(eth: Desk) -> None:
    eth.place(
        "Buy", "0.20", tpslMode="Partial", takeProfit=eth.price("1.05"), tpOrderType="Limit",
        tpLimitPrice=eth.price("1.06"), stopLoss=eth.price("0.95"),
    )  # fmt: skip
    legs = once(lambda: len(found := eth.waiting()) == 2 and found)
    assert {row["stopOrderType"] for row in legs} == {"PartialTakeProfit", "PartialStopLoss"}
    limit = next(row for row in legs if row["stopOrderType"] == "PartialTakeProfit")
    assert (limit["orderType"], Decimal(limit["price"])) == ("Limit", Decimal(eth.price("1.06")))
    half = {"tpslMode": "Partial", "positionIdx": 0, "tpSize": "0.10", "slSize": "0.10"}
    eth.session.set_trading_stop(**eth.at, **half, takeProfit=eth.price("1.04"), stopLoss=eth.price("0.96"))
    assert sorted(Decimal(row["qty"]) for row in eth.waiting()) == [Decimal(n) for n in ("0.1", "0.1", "0.2", "0.2")]


@pytest.mark.parametrize("eth", ["linear", "inverse"], indirect=True)
def test_a_stop_of_the_position_closes_it_and_takes_its_partner_along(eth: Desk, exchange: ExchangeProcess) -> None:
    eth.place("Buy", SIZES[eth.category])
    eth.session.set_trading_stop(
        **eth.at, tpslMode="Full", positionIdx=0, takeProfit=eth.price("1.2"), stopLoss=eth.beside(-2)
    )
    legs = {row["stopOrderType"]: row["orderId"] for row in eth.waiting()}
    step_until(exchange, lambda: Decimal(eth.position()["size"]) == 0, move=FALL)
    assert eth.ended(legs["StopLoss"])["orderStatus"] == "Filled"
    assert eth.ended(legs["TakeProfit"])["orderStatus"] == "Deactivated"
    closed = rows(eth.session.get_closed_pnl(**eth.at))[0]
    assert (closed["orderId"], closed["side"]) == (legs["StopLoss"], "Sell")


def test_position_stops_are_changed_and_taken_away(eth: Desk) -> None:
    eth.place("Sell", "0.10")
    stop = eth.price("1.1")
    full = eth.at | {"tpslMode": "Full", "positionIdx": 0}
    eth.session.set_trading_stop(**full, stopLoss=stop)
    assert refusal(eth.session.set_trading_stop, **full, stopLoss=stop) == 34040
    eth.session.set_trading_stop(**full, stopLoss=eth.price("1.12"))
    (leg,) = eth.waiting()
    assert Decimal(leg["triggerPrice"]) == Decimal(eth.price("1.12"))
    eth.session.set_trading_stop(**full, stopLoss="0")
    assert eth.waiting() == []
    assert refusal(eth.session.set_trading_stop, **full, stopLoss=eth.price("0.9")) == 10001


@pytest.mark.parametrize("eth", ["linear", "inverse"], indirect=True)
def test_a_trailing_stop_follows_and_closes(eth: Desk, exchange: ExchangeProcess) -> None:
    eth.place("Buy", SIZES[eth.category])
    tick = Decimal(eth.spec["priceFilter"]["tickSize"])
    eth.session.set_trading_stop(**eth.at, trailingStop=str(tick * 20), tpslMode="Full", positionIdx=0)
    (leg,) = eth.waiting()
    assert leg["stopOrderType"] == "TrailingStop"
    assert Decimal(eth.position()["trailingStop"]) == tick * 20
    step_until(exchange, lambda: Decimal(eth.position()["size"]) == 0, move=FALL)
    row = eth.ended(leg["orderId"])
    assert (row["orderStatus"], row["createType"]) == ("Filled", "CreateByTrailingStop")


@pytest.mark.parametrize("eth", ["linear", "inverse"], indirect=True)
def test_reduce_only_never_opens_nor_flips(eth: Desk) -> None:
    size = SIZES[eth.category]
    sent = {"side": "Sell", "orderType": "Market", "reduceOnly": True}
    assert refusal(eth.session.place_order, **eth.at, **sent, qty=size) == 110017
    eth.place("Buy", size)
    resting = eth.place("Sell", size, eth.price("1.05"), reduceOnly=True)
    three = str(Decimal(size) * 3)
    eth.place("Sell", three, reduceOnly=True)
    assert Decimal(eth.position()["size"]) == 0
    row = eth.ended(resting["orderId"])
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByReduceOnly")


def test_a_size_of_zero_closes_all(eth: Desk) -> None:
    eth.place("Buy", "0.10")
    eth.place("Buy", "0.13")
    closing = eth.place("Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert Decimal(closing["cumExecQty"]) == Decimal("0.23")
    assert eth.position()["side"] == ""


def test_both_sides_are_held_in_hedge_mode(session: HTTP) -> None:
    sol = Desk(session, "linear", "SOLUSDT")
    session.switch_position_mode(**sol.at, mode=3)
    assert refusal(session.switch_position_mode, **sol.at, mode=3) == 110025
    assert [row["positionIdx"] for row in rows(session.get_positions(**sol.at))] == [1, 2]
    market = {"side": "Buy", "orderType": "Market", "qty": "2"}
    assert refusal(session.place_order, **sol.at, **market) == 10001
    sol.place("Buy", "2", positionIdx=1)
    sol.place("Sell", "3", positionIdx=2)
    assert (sol.position(1)["side"], Decimal(sol.position(1)["size"])) == ("Buy", 2)
    assert (sol.position(2)["side"], Decimal(sol.position(2)["size"])) == ("Sell", 3)
    session.set_trading_stop(**sol.at, tpslMode="Full", positionIdx=2, stopLoss=sol.price("1.1"))
    (leg,) = sol.waiting()
    assert (leg["positionIdx"], leg["side"]) == (2, "Buy")
    assert refusal(session.switch_position_mode, **sol.at, mode=0) == 110024
    sol.place("Sell", "2", positionIdx=1, reduceOnly=True)
    sol.place("Buy", "3", positionIdx=2, reduceOnly=True)
    assert [Decimal(sol.position(index)["size"]) for index in (1, 2)] == [0, 0]
    resting = sol.place("Buy", "2", sol.price("0.9"), positionIdx=1)
    assert refusal(session.switch_position_mode, **sol.at, mode=0) == 110028
    session.cancel_order(**sol.at, orderId=resting["orderId"])
    session.switch_position_mode(**sol.at, mode=0)
    assert [row["positionIdx"] for row in rows(session.get_positions(**sol.at))] == [0]
    for category, symbol in (("linear", "BTCPERP"), ("inverse", "ETHUSD")):
        assert refusal(session.switch_position_mode, category=category, symbol=symbol, mode=3) in (110029, 10001)


def test_a_futures_price_beyond_the_band_is_moved_and_a_spot_price_refused(session: HTTP) -> None:
    linear, spot = Desk(session, "linear", "XRPUSDT"), Desk(session, "spot", "XRPUSDT")
    limit = session.get_price_limit(**linear.at)["result"]
    moved = linear.place("Buy", "10", linear.price("2"), timeInForce="IOC")
    assert Decimal(linear.ended(moved["orderId"])["price"]) <= Decimal(limit["buyLmt"])
    sent = {"side": "Buy", "orderType": "Limit", "qty": "10", "price": spot.price("2")}
    assert refusal(session.place_order, **spot.at, **sent) in (170192, 170193, 170194, 170371, 170372, 170132)
    linear.flat()


def test_a_markets_slippage_is_bounded_on_demand(eth: Desk) -> None:
    ask = Decimal(eth.ticker["ask1Price"])
    tick = Decimal(eth.spec["priceFilter"]["tickSize"])
    order = eth.place("Buy", "400", slippageToleranceType="TickSize", slippageTolerance="1")
    worst = max((Decimal(fill["execPrice"]) for fill in eth.fills(order["orderId"])), default=ask)
    assert worst <= ask + tick
    assert order["orderStatus"] == "Cancelled"
    sent = {"side": "Buy", "orderType": "Market", "qty": "0.1"}
    for kind, value, code in (("TickSize", "10001", 110108), ("Percent", "10.5", 110109)):
        more = {"slippageToleranceType": kind, "slippageTolerance": value}
        assert refusal(eth.session.place_order, **eth.at, **sent, **more) == code


def test_an_order_meets_an_order_of_its_own(eth: Desk, exchange: ExchangeProcess) -> None:
    tick = Decimal(eth.spec["priceFilter"]["tickSize"])

    def between_the_best() -> Decimal | None:
        bid, ask = Decimal(eth.ticker["bid1Price"]), Decimal(eth.ticker["ask1Price"])
        return bid + tick if bid + tick < ask else None

    inside = str(step_until(exchange, between_the_best))
    maker = eth.place("Buy", "0.10", inside)
    taker = eth.place("Sell", "0.10", inside, smpType="CancelMaker", timeInForce="IOC")
    row = eth.ended(maker["orderId"])
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelBySmp")
    assert row["smpOrderId"] == taker["orderId"]


def test_cancel_all_takes_what_it_is_asked_for(session: HTTP) -> None:
    one, two = Desk(session, "linear", "ADAUSDT"), Desk(session, "linear", "DOGEUSDT")
    kept = one.place("Buy", "100", one.price("0.98"))
    stop = two.place("Buy", "100", triggerPrice=two.price("1.2"), triggerDirection=1)
    plain = two.place("Buy", "100", two.price("0.98"))
    gone = rows(session.cancel_all_orders(**two.at, orderFilter="StopOrder"))
    assert [row["orderId"] for row in gone] == [stop["orderId"]]
    gone = rows(session.cancel_all_orders(category="linear", baseCoin="DOGE"))
    assert [row["orderId"] for row in gone] == [plain["orderId"]]
    gone = rows(session.cancel_all_orders(category="linear", settleCoin="USDT"))
    assert kept["orderId"] in {row["orderId"] for row in gone}
    assert refusal(session.cancel_all_orders, category="linear") == 10001


def test_a_simple_option_order(session: HTTP) -> None:
    (spec, *_) = rows(session.get_instruments_info(category="option", baseCoin="BTC"))
    option = Desk(session, "option", spec["symbol"])
    low = spec["priceFilter"]["minPrice"]
    sent = {"side": "Buy", "orderType": "Limit", "qty": spec["lotSizeFilter"]["minOrderQty"], "price": low}
    assert refusal(session.place_order, **option.at, **sent) == 3100198
    name = f"option-{next(NAMES)}"
    made = session.place_order(**option.at, **sent, orderLinkId=name)["result"]
    (row,) = rows(session.get_open_orders(category="option", baseCoin="BTC"))
    assert (row["orderId"], row["orderStatus"], row["tpslMode"]) == (made["orderId"], "New", "")
    session.cancel_order(**option.at, orderLinkId=name)
    assert option.ended(made["orderId"])["orderStatus"] == "Cancelled"
    bought = option.place("Buy", sent["qty"], option.ticker["ask1Price"], orderLinkId=f"option-{next(NAMES)}")
    assert option.ended(bought["orderId"])["orderStatus"] == "Filled"
    (held,) = rows(session.get_positions(**option.at))
    assert (held["side"], held["size"]) == ("Buy", bought["qty"])
