"""pybit 5.17, unmodified, with every kind of order on the simulated exchange: what it sends is understood, what it gets
back has the fields it asks for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP

PATIENCE_S = 10.0
KEY, SECRET = "pybit-key", "pybit-secret"
SAMPLE = Path(__file__).parents[1] / "data" / "btcusdt-linear-1m-sample.csv.gz"  # its price stands still for seconds
BTC = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture(scope="module")
def session() -> Iterator[HTTP]:
    command = [sys.executable, "-m", "tradewright.simulator", "--port", "0", "--key", KEY, "--secret", SECRET]
    command += ["--market", f"replay:{SAMPLE}@linear:BTCUSDT"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            http = HTTP(testnet=False, api_key=KEY, api_secret=SECRET)
            http.endpoint = json.loads(process.stdout.readline())["rest"]
            yield http
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def refusal(call: Callable[..., Any], **arguments: Any) -> int:
    with pytest.raises(InvalidRequestError) as caught:
        call(**arguments)
    return int(caught.value.status_code)


def last_price(session: HTTP) -> Decimal:
    return Decimal(session.get_tickers(**BTC)["result"]["list"][0]["lastPrice"])


def position(session: HTTP) -> dict[str, Any]:
    return dict(session.get_positions(**BTC)["result"]["list"][0])


def once(look: Callable[[], Any]) -> Any:
    """What `look` finds as soon as it is something; the exchange acts a moment after it has answered."""
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.03)
    return found


def opened(session: HTTP) -> dict[str, Any]:
    """A market order that has filled."""
    made = session.place_order(**BTC, side="Buy", orderType="Market", qty="0.01")["result"]["orderId"]
    return dict(once(lambda: session.get_executions(**BTC, orderId=made)["result"]["list"])[0])


def test_it_amends_and_batches(session: HTTP) -> None:
    items = [
        {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "10000", "orderLinkId": name}
        for name in ("batch-1", "batch-2")
    ]
    made = session.place_batch_order(category="linear", request=items)
    assert made["retExtInfo"]["list"] == [{"code": 0, "msg": "OK"}] * 2
    session.amend_order(**BTC, orderLinkId="batch-1", qty=0.02, price="11000")
    (row,) = session.get_open_orders(**BTC, orderLinkId="batch-1")["result"]["list"]
    assert (row["qty"], row["price"], row["orderStatus"]) == ("0.020", "11000.00", "New")
    assert refusal(session.amend_order, **BTC, orderLinkId="nobody", qty="0.02") == 110001
    changes = [{"symbol": "BTCUSDT", "orderLinkId": "batch-2", "price": "12000"}]
    assert session.amend_batch_order(category="linear", request=changes)["retExtInfo"]["list"][0]["code"] == 0
    gone = [{"symbol": "BTCUSDT", "orderLinkId": name} for name in ("batch-1", "batch-2", "batch-3")]
    outcomes = session.cancel_batch_order(category="linear", request=gone)["retExtInfo"]["list"]
    assert [outcome["code"] for outcome in outcomes] == [0, 0, 110001]


def test_it_places_moves_and_cancels_a_conditional_order(session: HTTP) -> None:
    trigger = (last_price(session) * Decimal("1.2")).quantize(Decimal(1))
    stop = {"triggerPrice": trigger, "triggerDirection": 1, "triggerBy": "MarkPrice", "orderLinkId": "stop"}
    session.place_order(**BTC, side="Buy", orderType="Market", qty="0.01", **stop)
    (row,) = session.get_open_orders(**BTC, orderFilter="StopOrder")["result"]["list"]
    assert (row["orderStatus"], row["stopOrderType"], row["triggerBy"]) == ("Untriggered", "Stop", "MarkPrice")
    session.amend_order(**BTC, orderLinkId="stop", triggerPrice=trigger + 10)
    assert refusal(session.amend_order, **BTC, orderLinkId="stop", triggerPrice="100") == 110092
    session.cancel_all_orders(**BTC, orderFilter="StopOrder", stopOrderType="Stop")
    (row,) = session.get_order_history(category="linear", orderId=row["orderId"])["result"]["list"]
    assert row["orderStatus"] == "Deactivated"


def test_it_guards_a_position_and_reads_what_became_of_it(session: HTTP) -> None:
    price = Decimal(opened(session)["execPrice"])
    stop, target = ((price * factor).quantize(Decimal(1)) for factor in (Decimal("0.9"), Decimal("1.1")))
    session.set_trading_stop(**BTC, tpslMode="Full", positionIdx=0, stopLoss=stop, takeProfit=target)
    row = position(session)
    assert (Decimal(row["stopLoss"]), Decimal(row["takeProfit"])) == (stop, target)
    assert refusal(session.set_trading_stop, **BTC, tpslMode="Full", positionIdx=0, stopLoss=str(stop)) == 34040
    legs = session.get_open_orders(**BTC)["result"]["list"]
    assert {leg["stopOrderType"] for leg in legs} == {"TakeProfit", "StopLoss"}
    assert refusal(session.switch_position_mode, **BTC, mode=0) == 110025
    assert session.set_margin_mode(setMarginMode="REGULAR_MARGIN")["result"] == {"reasons": []}

    closing = session.place_order(**BTC, side="Sell", orderType="Market", qty="0.01", reduceOnly=True)
    (closed,) = once(lambda: session.get_closed_pnl(**BTC)["result"]["list"])
    assert (closed["orderId"], closed["side"], closed["closedSize"]) == (closing["result"]["orderId"], "Sell", "0.010")
    assert session.get_open_orders(**BTC)["result"]["list"] == []
    log = session.get_transaction_log(accountType="UNIFIED", category="linear", currency="USDT")["result"]["list"]
    paid_in = Decimal(100_000)
    assert Decimal(log[0]["cashBalance"]) == paid_in + sum(Decimal(entry["change"]) for entry in log)
    assert Decimal(log[0]["cashBalance"]) == paid_in + Decimal(closed["closedPnl"])


def test_an_entry_brings_its_stops(session: HTTP) -> None:
    price = last_price(session)
    stops = {"takeProfit": str(round(price * 2)), "stopLoss": str(round(price / 2)), "tpslMode": "Full"}
    session.place_order(**BTC, side="Buy", orderType="Market", qty=0.01, orderLinkId="entry", **stops)
    row = once(lambda: position(session) if position(session)["stopLoss"] else None)
    assert Decimal(row["stopLoss"]) == Decimal(stops["stopLoss"])
    legs = session.get_open_orders(**BTC)["result"]["list"]
    assert {leg["parentOrderLinkId"] for leg in legs} == {"entry"}
