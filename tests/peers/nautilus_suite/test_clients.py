"""nautilus_trader's REST and socket clients: start-up, reports for its reconciliation, orders by both ways, streams."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

import pytest
from nautilus_trader.core import nautilus_pyo3 as nautilus
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas, capsule_to_data
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

ACCOUNT = nautilus.AccountId("BYBIT-UNIFIED")
PATIENCE_S = 10.0
LINEAR, INVERSE, SPOT = (
    ("linear", "BTCUSDT-LINEAR", "0.010"),
    ("inverse", "BTCUSD-INVERSE", "100"),
    ("spot", "BTCUSDT-SPOT", "0.01"),
)
TRADED = [LINEAR, INVERSE, SPOT]
KINDS = {
    "linear": nautilus.BybitProductType.LINEAR,
    "inverse": nautilus.BybitProductType.INVERSE,
    "spot": nautilus.BybitProductType.SPOT,
    "option": nautilus.BybitProductType.OPTION,
}


# Start-up.


async def test_instruments_of_every_category_are_understood(venue: Any) -> None:
    assert {category: bool(found) for category, found in venue.instruments.items()} == dict.fromkeys(KINDS, True)
    kinds = {type(instrument).__name__ for found in venue.instruments.values() for instrument in found.values()}
    assert kinds >= {"CryptoPerpetual", "CryptoFuture", "CurrencyPair", "CryptoOption"}
    # Prices have as many digits as the text of the tick size.
    assert str(venue.instrument("linear", "BTCUSDT-LINEAR").make_price(60000.1)) == "60000.10"


@pytest.mark.parametrize("category", KINDS)
async def test_statuses_and_fees(venue: Any, category: str) -> None:
    statuses = await venue.client.request_instrument_statuses(KINDS[category])
    assert set(venue.instruments[category]) <= {str(key) for key in statuses}
    fees = await venue.client.request_fee_rates(KINDS[category])
    assert all(float(fee.taker_fee_rate) > 0 for fee in fees)
    assert fees


async def test_the_account_and_its_key(venue: Any) -> None:
    state = await venue.client.request_account_state(nautilus.BybitAccountType.UNIFIED, ACCOUNT)
    assert {str(balance.currency) for balance in state.balances} >= {"USDT", "USDC", "BTC", "ETH"}
    assert int((await venue.client.get_account_details()).mkt_maker_level) >= 0


async def test_leverage_and_modes_may_be_set_again(venue: Any) -> None:
    one_way = nautilus.BybitPositionMode.MERGED_SINGLE
    await venue.client.set_leverage(KINDS["linear"], "ETHUSDT", "9", "9")
    with pytest.raises(ValueError, match="110043"):
        await venue.client.set_leverage(KINDS["linear"], "ETHUSDT", "9", "9")
    with pytest.raises(ValueError, match="110025"):
        await venue.client.switch_mode(KINDS["linear"], one_way, symbol="ETHUSDT")


@pytest.mark.parametrize("category", KINDS)
async def test_reports_of_an_account_without_orders_are_empty(venue: Any, category: str) -> None:
    named = {"account_id": ACCOUNT, "product_type": KINDS[category]}
    assert await venue.client.request_order_status_reports(**named, open_only=True) == []
    assert isinstance(await venue.client.request_order_status_reports(**named), list)
    assert isinstance(await venue.client.request_fill_reports(**named), list)
    if category != "spot":
        assert await venue.client.request_position_status_reports(**named) == []


# Market data.


@pytest.mark.parametrize(("category", "symbol", "size"), TRADED)
async def test_market_data_is_read(venue: Any, category: str, symbol: str, size: str) -> None:
    instrument, kind = venue.instrument(category, symbol), KINDS[category]
    trades = await venue.client.request_trades(kind, instrument.id, 10)
    assert len(trades) == 10
    book = await venue.client.request_orderbook_snapshot(kind, instrument.id, 20)
    assert len(book.deltas) > 10
    bars = nautilus.BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    assert len(await venue.client.request_bars(kind, bars, limit=5)) == 5
    if category != "spot":
        assert await venue.client.request_funding_rates(kind, instrument.id, limit=3)


async def test_tickers_are_read(venue: Any) -> None:
    for category in ("linear", "spot", "inverse"):
        params = nautilus.BybitTickersParams(KINDS[category])
        assert {row.symbol for row in await venue.client.request_tickers(params)}


class Ears:
    """A socket and what came through it."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.heard: list[Any] = []
        self._more = asyncio.Event()

    def __call__(self, message: Any) -> None:
        self.heard.append(message if type(message).__name__ != "PyCapsule" else capsule_to_data(message))
        self._more.set()

    async def open(self, venue: Any, *categories: str) -> Ears:
        for category in categories:
            for instrument in venue.instruments[category].values():
                self.socket.cache_instrument(instrument)
        await self.socket.connect(asyncio.get_running_loop(), self)
        await self.socket.wait_until_active(10.0)
        return self

    async def until(self, wanted: Any) -> Any:
        """The first message heard, sooner or later, that is wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.heard:
                    if wanted(message):
                        return message
                self._more.clear()
                await self._more.wait()


def named(kind: str, **values: Any) -> Any:
    """A test for messages of a class with these values, as texts."""

    def wanted(message: Any) -> bool:
        return type(message).__name__ == kind and all(str(getattr(message, key)) == str(values[key]) for key in values)

    return wanted


@pytest.mark.parametrize(("category", "symbol", "size"), TRADED)
async def test_public_topics_are_heard_and_the_book_follows(venue: Any, category: str, symbol: str, size: str) -> None:
    instrument = venue.instrument(category, symbol)
    url = f"{venue.address('ws_public')}/{category}"
    socket = nautilus.BybitWebSocketClient.new_public(KINDS[category], nautilus.BybitEnvironment.MAINNET, url=url)
    ears = await Ears(socket).open(venue, category)
    bars = nautilus.BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    await socket.subscribe_orderbook(instrument.id, 50)
    await socket.subscribe_trades(instrument.id)
    await socket.subscribe_ticker(instrument.id)
    await socket.subscribe_bars(bars)
    await ears.until(named("TradeTick"))
    if category != "spot":
        await ears.until(named("MarkPriceUpdate"))
        await ears.until(named("FundingRateUpdate"))
    book = OrderBook(InstrumentId.from_str(str(instrument.id)), BookType.L2_MBP)

    def changes() -> list[Any]:
        return [message for message in ears.heard if isinstance(message, OrderBookDeltas)]

    async with asyncio.timeout(PATIENCE_S):
        while len(changes()) < 20:
            await asyncio.sleep(0.05)
    for change in changes():
        book.apply_deltas(change)
        assert book.best_bid_price() < book.best_ask_price()
        assert len(book.bids()) <= 50
    await socket.unsubscribe_orderbook(instrument.id, 50)
    await socket.close()


# Orders.


@pytest.mark.parametrize(("category", "symbol", "size"), TRADED)
async def test_an_order_goes_by_rest_from_birth_to_report(
    venue: Any, until: Any, category: str, symbol: str, size: str
) -> None:
    instrument, client = venue.instrument(category, symbol), venue.client
    low = await venue.last(category, instrument) * 0.97
    wish = venue.order(category, instrument, "BUY", size, low)
    report = await client.submit_order(account_id=ACCOUNT, **wish)
    assert report.order_status == nautilus.OrderStatus.ACCEPTED
    same = {key: wish[key] for key in ("product_type", "instrument_id", "client_order_id")} | {"account_id": ACCOUNT}
    lower = instrument.make_price(low * 0.99)
    changed = await client.modify_order(**same, quantity=wish["quantity"], price=lower)
    assert str(changed.price) == str(lower)
    open_reports = await client.request_order_status_reports(
        account_id=ACCOUNT, product_type=KINDS[category], instrument_id=instrument.id, open_only=True
    )
    assert [str(found.client_order_id) for found in open_reports] == [str(wish["client_order_id"])]
    with pytest.raises(ValueError, match=r"110072|170141"):
        await client.submit_order(account_id=ACCOUNT, **wish)
    gone = await client.cancel_order(**same)
    assert gone.order_status == nautilus.OrderStatus.CANCELED
    assert (await client.query_order(**same)).order_status == nautilus.OrderStatus.CANCELED

    more = {"is_quote_quantity": False} if category == "spot" else {}
    done = await client.submit_order(account_id=ACCOUNT, **venue.order(category, instrument, "SELL", size, **more))

    async def fills() -> Any:
        found = await client.request_fill_reports(
            account_id=ACCOUNT, product_type=KINDS[category], instrument_id=instrument.id
        )
        return [fill for fill in found if str(fill.venue_order_id) == str(done.venue_order_id)]

    assert sum(float(str(fill.last_qty)) for fill in await until(fills)) == pytest.approx(float(size))
    if category != "spot":
        (held,) = await client.request_position_status_reports(
            account_id=ACCOUNT, product_type=KINDS[category], instrument_id=instrument.id
        )
        assert (held.position_side, str(held.quantity)) == (nautilus.PositionSide.SHORT, str(wish["quantity"]))
        await client.submit_order(
            account_id=ACCOUNT, **venue.order(category, instrument, "BUY", size), reduce_only=True
        )


async def test_cancel_all_reports_each(venue: Any) -> None:
    category, symbol, size = LINEAR
    instrument = venue.instrument(category, symbol)
    low = await venue.last(category, instrument) * 0.96
    for _ in range(3):
        await venue.client.submit_order(account_id=ACCOUNT, **venue.order(category, instrument, "BUY", size, low))
    reports = await venue.client.cancel_all_orders(
        account_id=ACCOUNT, product_type=KINDS[category], instrument_id=instrument.id
    )
    cancelled = [report for report in reports if report.order_status == nautilus.OrderStatus.CANCELED]
    assert len(cancelled) >= 3


@pytest.mark.parametrize(("category", "symbol", "size"), TRADED)
async def test_orders_go_by_the_trade_socket_and_are_told_on_the_private_one(
    venue: Any, category: str, symbol: str, size: str
) -> None:
    instrument = venue.instrument(category, symbol)
    keys = {"api_key": os.environ["EXCHANGE_KEY"], "api_secret": os.environ["EXCHANGE_SECRET"]}
    private = nautilus.BybitWebSocketClient.new_private(
        nautilus.BybitEnvironment.MAINNET, **keys, url=venue.address("ws_private")
    )
    trade = nautilus.BybitWebSocketClient.new_trade(
        nautilus.BybitEnvironment.MAINNET, **keys, url=venue.address("ws_trade")
    )
    for socket in (private, trade):
        socket.set_account_id(ACCOUNT)
    ears, answers = await Ears(private).open(venue, category), await Ears(trade).open(venue, category)
    for subscribe in (
        private.subscribe_orders, private.subscribe_executions, private.subscribe_positions, private.subscribe_wallet,
    ):  # fmt: skip
        await subscribe()
    who = {"trader_id": nautilus.TraderId("TESTER-001"), "strategy_id": nautilus.StrategyId("S-001")}
    low = await venue.last(category, instrument) * 0.97
    wish = venue.order(category, instrument, "BUY", size, low)
    await trade.submit_order(**who, **wish)
    told = named("OrderStatusReport", client_order_id=wish["client_order_id"])
    report = await ears.until(told)
    assert report.order_status == nautilus.OrderStatus.ACCEPTED
    same = {key: wish[key] for key in ("product_type", "instrument_id", "client_order_id")}
    lower = instrument.make_price(low * 0.99)
    await trade.modify_order(**who, **same, quantity=wish["quantity"], price=lower)
    await ears.until(lambda message: told(message) and str(message.price) == str(lower))
    await trade.cancel_order(**who, **same)
    await ears.until(lambda message: told(message) and message.order_status == nautilus.OrderStatus.CANCELED)
    await trade.cancel_order(**who, **same)
    await answers.until(named("OrderCancelRejected", client_order_id=wish["client_order_id"]))

    sold = venue.order(category, instrument, "SELL", size)
    await trade.submit_order(**who, **sold)
    await ears.until(named("FillReport", client_order_id=sold["client_order_id"]))
    await ears.until(named("AccountState"))
    if category != "spot":
        await ears.until(named("PositionStatusReport"))
        back = venue.order(category, instrument, "BUY", size, reduce_only=True)
        await trade.submit_order(**who, **back)
        await ears.until(named("FillReport", client_order_id=back["client_order_id"]))
    # It subscribes twice; nothing may be told twice for that.
    fills = Counter(str(message.trade_id) for message in ears.heard if type(message).__name__ == "FillReport")
    assert set(fills.values()) == {1}
    for socket in (private, trade):
        await socket.close()


async def test_a_wrong_secret_is_refused(venue: Any) -> None:
    stranger = nautilus.BybitHttpClient(
        api_key=os.environ["EXCHANGE_KEY"], api_secret="wrong", base_url=venue.address("rest"), max_retries=0
    )
    with pytest.raises(ValueError, match="10004"):
        await stranger.get_account_details()


async def test_conditional_orders_are_reported(venue: Any) -> None:
    category, symbol, size = LINEAR
    instrument = venue.instrument(category, symbol)
    high = instrument.make_price(await venue.last(category, instrument) * 1.1)
    wish = venue.order(category, instrument, "BUY", size)
    wish |= {"order_type": nautilus.OrderType.STOP_MARKET, "trigger_price": high}
    report = await venue.client.submit_order(account_id=ACCOUNT, **wish)
    assert (report.order_type, str(report.trigger_price)) == (nautilus.OrderType.STOP_MARKET, str(high))
    (listed,) = await venue.client.request_order_status_reports(
        account_id=ACCOUNT, product_type=KINDS[category], open_only=True
    )
    assert str(listed.client_order_id) == str(wish["client_order_id"])
    await venue.client.cancel_order(
        account_id=ACCOUNT,
        **{key: wish[key] for key in ("product_type", "instrument_id", "client_order_id")},
    )
