"""An order to the signed body and headers of its request, short of the HTTP library on both sides."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
from pybit._http_manager import _V5HTTPManager
from tests.bench.harness import Row

from tradewright.core.clock import milliseconds
from tradewright.core.ids import LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.exchange.bybit.orders import create_body
from tradewright.exchange.bybit.signing import Signer
from tradewright.exchange.ports import ApiKey
from tradewright.system import SystemClock

ORDERS = 200
KEY = ApiKey("bench-key-0123456789", "bench-secret-0123456789abcdef0123456789")


def rows() -> list[Row]:
    return [
        Row(
            name="order to signed body and headers",
            ours=_ours(),
            peer=_pybit(),
            peer_name="pybit",
            operations=ORDERS,
            must=7,
            goal=15,
        )
    ]


def _ours() -> Callable[[], None]:
    signer, clock = Signer(KEY), SystemClock()
    order = NewOrder(
        link_id=LinkId("tw0123456789abcdef0123456789abcdef"),
        instrument=InstrumentId("linear", "BTCUSDT"),
        side="Buy",
        order_type="Limit",
        quantity=Decimal("0.010"),
        price=Decimal("60000.50"),
        time_in_force="GTC",
    )

    def run() -> None:
        for _ in range(ORDERS):
            payload = msgspec.json.encode(create_body(order))
            signer.rest_headers(milliseconds(clock.now()), payload)

    return run


def _pybit() -> Callable[[], None]:
    session = _V5HTTPManager(api_key=KEY.key, api_secret=KEY.secret)

    def run() -> None:
        for _ in range(ORDERS):
            query = session._clean_query(
                {
                    "category": "linear",
                    "symbol": "BTCUSDT",
                    "side": "Buy",
                    "orderType": "Limit",
                    "qty": "0.010",
                    "price": "60000.50",
                    "timeInForce": "GTC",
                    "orderLinkId": "tw0123456789abcdef0123456789abcdef",
                    "positionIdx": 0,
                }
            )
            session._prepare_headers(session.prepare_payload("POST", query), session.recv_window)

    return run
