"""A whole nautilus_trader node: it starts, takes over what the account holds, and its strategy trades."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.bybit import BYBIT
from nautilus_trader.adapters.bybit.config import BybitExecClientConfig
from nautilus_trader.adapters.bybit.factories import BybitLiveExecClientFactory
from nautilus_trader.adapters.bybit.providers import BybitInstrumentProvider
from nautilus_trader.config import InstrumentProviderConfig, LiveExecEngineConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.core import nautilus_pyo3 as nautilus
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide, OrderType, TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, TraderId, Venue
from nautilus_trader.trading.strategy import Strategy

READY = json.loads(os.environ["EXCHANGE"])
KEYS = {"api_key": os.environ["EXCHANGE_KEY"], "api_secret": os.environ["EXCHANGE_SECRET"]}
LINEAR = nautilus.BybitProductType.LINEAR
BTC, ETH = (InstrumentId.from_str(f"{symbol}-LINEAR.BYBIT") for symbol in ("BTCUSDT", "ETHUSDT"))
PATIENCE_S = 30.0
SIZE = Decimal("0.01")


class RoundTrip(Strategy):
    """Rests an order, moves it, cancels it; then buys, and closes what it bought."""

    def __init__(self, price: Decimal, done: Callable[[], None]) -> None:
        super().__init__()
        self.low = price * Decimal("0.97")
        self.done = done
        self.seen: list[str] = []

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(BTC)
        self.submit_order(
            self.order_factory.limit(
                BTC, OrderSide.BUY, self.instrument.make_qty(SIZE), self.instrument.make_price(self.low),
                time_in_force=TimeInForce.GTC,
            )
        )  # fmt: skip

    def on_event(self, event: Any) -> None:
        self.seen.append(type(event).__name__)

    def on_order_accepted(self, event: Any) -> None:
        order = self.cache.order(event.client_order_id)
        if order.order_type == OrderType.LIMIT:
            self.modify_order(order, price=self.instrument.make_price(self.low * Decimal("0.99")))

    def on_order_updated(self, event: Any) -> None:
        order = self.cache.order(event.client_order_id)
        if order.order_type == OrderType.LIMIT:
            self.cancel_order(order)

    def on_order_canceled(self, event: Any) -> None:
        self.submit_order(self.order_factory.market(BTC, OrderSide.BUY, self.instrument.make_qty(SIZE)))

    def on_position_opened(self, event: Any) -> None:
        self.close_all_positions(BTC)

    def on_position_closed(self, event: Any) -> None:
        self.done()

    def on_stop(self) -> None:
        pass


def last_price(symbol: str) -> Decimal:
    url = f"{READY['rest']}/v5/market/tickers?category=linear&symbol={symbol}"
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return Decimal(json.loads(answer.read())["result"]["list"][0]["lastPrice"])


async def before_the_node(client: Any) -> str:
    """An account that is in the middle of something: an order at rest and a position, made by other means."""
    instrument = next(found for found in await client.request_instruments(LINEAR) if str(found.id) == str(ETH))
    client.cache_instrument(instrument)
    resting = nautilus.ClientOrderId("before-the-node")
    order = {
        "account_id": nautilus.AccountId("BYBIT-UNIFIED"),
        "product_type": LINEAR,
        "instrument_id": instrument.id,
        "order_side": nautilus.OrderSide.BUY,
        "quantity": instrument.make_qty(0.5),
    }
    await client.submit_order(
        **order, client_order_id=resting, order_type=nautilus.OrderType.LIMIT,
        price=instrument.make_price(float(last_price("ETHUSDT")) * 0.97), time_in_force=nautilus.TimeInForce.GTC,
    )  # fmt: skip
    await client.submit_order(
        **order, client_order_id=nautilus.ClientOrderId("before-the-node-2"), order_type=nautilus.OrderType.MARKET
    )
    return str(resting)


def test_a_node_takes_over_the_account_and_trades() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = nautilus.BybitHttpClient(**KEYS, base_url=READY["rest"])
    resting = loop.run_until_complete(before_the_node(client))
    provider = InstrumentProviderConfig(load_all=True)
    config = TradingNodeConfig(
        trader_id=TraderId("TESTER-001"),
        logging=LoggingConfig(log_level="ERROR"),
        exec_engine=LiveExecEngineConfig(reconciliation=True, reconciliation_startup_delay_secs=0.0),
        exec_clients={
            BYBIT: BybitExecClientConfig(
                **KEYS, base_url_http=READY["rest"], base_url_ws_private=READY["ws_private"],
                base_url_ws_trade=READY["ws_trade"], product_types=(LINEAR,), instrument_provider=provider,
                futures_leverages={"BTCUSDT-LINEAR": 11},
            )
        },
        timeout_connection=PATIENCE_S,
        timeout_post_stop=0.2,
    )  # fmt: skip
    node = TradingNode(config, loop=loop)
    node.add_exec_client_factory(BYBIT, BybitLiveExecClientFactory)

    def stop() -> None:
        loop.call_soon(lambda: stopping.append(loop.create_task(node.stop_async())))

    stopping: list[Any] = []
    strategy = RoundTrip(last_price("BTCUSDT"), stop)
    node.trader.add_strategy(strategy)
    # A node without a data client does not put instruments into its cache, so they are read beforehand.
    instruments = BybitInstrumentProvider(client=client, product_types=(LINEAR,), config=provider)
    loop.run_until_complete(instruments.initialize())
    for instrument in instruments.get_all().values():
        node.cache.add_instrument(instrument)
    node.build()
    watchdog = loop.call_later(PATIENCE_S, stop)
    node.run()
    watchdog.cancel()
    try:
        names = [name for name in strategy.seen if not name.startswith("OrderPending")]
        assert [name for name in names if name not in ("OrderInitialized", "OrderSubmitted")] == [
            "OrderAccepted", "OrderUpdated", "OrderCanceled", "OrderFilled", "PositionOpened", "OrderFilled",
            "PositionClosed",
        ]  # fmt: skip
        (held,) = node.cache.positions_open(instrument_id=ETH)
        assert held.signed_qty == 0.5
        taken_over = node.cache.order(ClientOrderId(resting))
        assert (taken_over.is_open, taken_over.instrument_id) == (True, ETH)
        account = node.cache.account_for_venue(Venue(BYBIT))
        assert {str(currency) for currency in account.balances_total()} >= {"USDT", "BTC"}
    finally:
        node.dispose()
