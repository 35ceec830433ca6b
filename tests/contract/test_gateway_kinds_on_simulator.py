"""Every kind of order and setting through the gateway against the simulated exchange: it holds what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
import structlog

from contract.test_gateway_on_simulator import (
    KEY,
    PATIENCE_S,
    World,
    any_one,
    eventually,
    private_stream,
    running_world,
)
from tradewright.core.errors import Refused
from tradewright.core.ids import IntentId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, RemoteOrder, RemotePosition, Trigger
from tradewright.exchange.bybit.codec import categories_of
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import Book, CandleUpdate, Endpoints, PublicTrade, StreamUp, Ticker
from tradewright.simulator import SimulatorConfig, serve
from tradewright.system import SystemClock, SystemIds, SystemRng

BTC = InstrumentId("linear", "BTCUSDT")
PAIR = InstrumentId("spot", "BTCUSDT")


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


def new_order(instrument: InstrumentId = BTC, **fields: Any) -> NewOrder:
    usual = {"side": "Buy", "order_type": "Limit", "quantity": Decimal("0.01"), "price": None, "time_in_force": "GTC"}
    if fields.get("order_type") == "Market":
        usual["time_in_force"] = "IOC"
    return NewOrder(link_id=link_id_of(IntentId(SystemIds().new())), instrument=instrument, **(usual | fields))


async def last_price(world: World, instrument: InstrumentId = BTC) -> Decimal:
    tickers = await world.market.tickers(instrument.category)
    price = next(row.last_price for row in tickers if row.instrument == instrument)
    assert price is not None
    return price


def below(price: Decimal, ratio: str = "0.8") -> Decimal:
    return (price * Decimal(ratio)).quantize(Decimal(1))


async def until(world: World, order: NewOrder, fits: Callable[[RemoteOrder], bool]) -> RemoteOrder:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await world.orders.find_order(order.instrument, link_id=order.link_id, exchange_order_id=None)
            if found is not None and fits(found):
                return found
            await asyncio.sleep(0.02)


async def position(world: World, fits: Callable[[RemotePosition], bool]) -> RemotePosition:
    async with asyncio.timeout(PATIENCE_S):
        while not fits(found := await world.orders.position(BTC)):
            await asyncio.sleep(0.02)
    return found


async def test_a_conditional_order_waits_as_asked_is_amended_and_cancelled(world: World) -> None:
    price = below(await last_price(world))
    for rises, by in ((False, "MarkPrice"), (True, "LastPrice")):
        trigger = Trigger(price=price * 2 if rises else price, by=by, rises=rises)  # type: ignore[arg-type]
        order = new_order(price=price, trigger=trigger)
        await world.orders.place(order)
        found = await until(world, order, any_one)
        assert (found.state, found.stop_order_type) == ("waiting_trigger", "Stop")
        assert (found.trigger_price, found.trigger_by, found.trigger_rises) == (trigger.price, by, rises)
        change = OrderChange(quantity=Decimal("0.02"), price=price + 1, trigger_price=trigger.price + 5)
        await world.orders.amend(BTC, change, link_id=order.link_id, exchange_order_id=None)
        amended = await until(world, order, lambda row: row.quantity == Decimal("0.02"))
        assert (amended.price, amended.trigger_price) == (price + 1, trigger.price + 5)
        assert amended.exchange_order_id == found.exchange_order_id
        await world.orders.cancel(BTC, link_id=order.link_id, exchange_order_id=None)
        assert (await until(world, order, lambda row: row.state == "cancelled")).filled_quantity == 0


async def test_exits_of_an_entry_are_on_the_order_then_on_the_position_and_their_orders_name_their_parent(
    world: World,
) -> None:
    price = await last_price(world)
    stop, target = below(price), below(price, "1.2")
    resting = new_order(
        price=below(price),
        take_profit=Exit(trigger_price=target, trigger_by="MarkPrice"),
        stop_loss=Exit(trigger_price=below(price, "0.7")),
    )
    await world.orders.place(resting)
    found = await until(world, resting, any_one)
    assert (found.take_profit, found.stop_loss) == (target, below(price, "0.7"))
    await world.orders.amend(BTC, OrderChange(take_profit=target + 10), link_id=resting.link_id, exchange_order_id=None)
    await until(world, resting, lambda row: row.take_profit == target + 10)
    await world.orders.amend(BTC, OrderChange(stop_loss=Decimal(0)), link_id=resting.link_id, exchange_order_id=None)
    await until(world, resting, lambda row: row.stop_loss is None)
    await world.orders.cancel(BTC, link_id=resting.link_id, exchange_order_id=None)
    entry = new_order(order_type="Market", stop_loss=Exit(trigger_price=stop), take_profit=Exit(trigger_price=target))
    await world.orders.place(entry)
    held = await position(world, lambda row: row.stop_loss is not None)
    assert (held.side, held.take_profit, held.stop_loss) == ("Buy", target, stop)
    assert held.maintenance_margin is not None
    assert held.value is not None
    children = [row for row in await world.orders.open_orders() if row.stop_order_type in ("TakeProfit", "StopLoss")]
    assert {row.parent_link_id for row in children} == {entry.link_id}
    assert all(row.reduce_only and row.side == "Sell" and row.state == "waiting_trigger" for row in children)
    moved = PositionExits(take_profit=Decimal(0), stop_loss=stop - 100, stop_loss_by="MarkPrice")
    assert (await world.orders.set_exits(BTC, moved)).ret_code == 0
    held = await position(world, lambda row: row.stop_loss == stop - 100)
    assert held.take_profit is None
    again = await world.orders.set_exits(BTC, moved)
    assert again.ret_code in (0, 34040), "as it was already, which counts as done"


async def test_an_exit_with_a_limit_price_is_taken(world: World) -> None:
    price = await last_price(world)
    exit_at_limit = Exit(trigger_price=below(price, "1.2"), limit_price=below(price, "1.21"))
    order = new_order(order_type="Market", take_profit=exit_at_limit)
    await world.orders.place(order)
    await until(world, order, lambda row: row.state == "filled")
    async with asyncio.timeout(PATIENCE_S):
        while not (
            children := [row for row in await world.orders.open_orders() if row.stop_order_type == "PartialTakeProfit"]
        ):
            await asyncio.sleep(0.02)
    assert [(row.trigger_price, row.order_type) for row in children] == [(exit_at_limit.trigger_price, "Limit")]


async def test_leverage_is_the_symbols_also_when_flat_and_fees_key_and_modes_are_read(world: World) -> None:
    assert (await world.orders.position(BTC)).size == 0
    await world.orders.set_leverage(BTC, Decimal(7))
    assert (await world.orders.set_leverage(BTC, Decimal(7))).ret_code == 110043
    assert (await world.orders.position(BTC)).leverage == 7
    with pytest.raises(Refused):
        await world.orders.set_leverage(BTC, Decimal(100_000))
    rates = await world.orders.fee_rates(BTC)
    assert (rates.assumed, 0 < rates.maker < rates.taker) == (False, True)
    facts = await world.orders.key_facts()
    assert (facts.may_trade, facts.may_withdraw, facts.is_unified) == (True, False, True)
    assert categories_of(facts.permissions) == ("linear", "spot")
    assert (await world.orders.modes()).margin_mode == "REGULAR_MARGIN"


async def test_a_slippage_bound_is_taken_for_a_market_order(world: World) -> None:
    order = new_order(order_type="Market", slippage_percent=Decimal("0.5"))
    await world.orders.place(order)
    await until(world, order, lambda row: row.state in ("filled", "cancelled"))


async def test_spot_orders_of_every_kind_are_placed_read_in_their_unit_and_cancelled_by_their_kind(
    world: World,
) -> None:
    price = await last_price(world, PAIR)
    stream = private_stream(world, None)
    events = stream.events()
    await eventually(events, StreamUp, any_one)
    since = await world.orders.server_time() - timedelta(minutes=1)
    bought = new_order(PAIR, order_type="Market", quantity=Decimal("500"), quantity_unit="quote")
    await world.orders.place(bought)
    # What the amount leaves below one step of the quantity is given back, and Bybit then calls the order cancelled.
    filled = await eventually(
        events, RemoteOrder, lambda row: row.link_id == bought.link_id and row.state in ("filled", "cancelled")
    )
    assert filled.filled_quantity > 0
    assert (filled.instrument, filled.quantity, filled.quantity_unit) == (PAIR, Decimal(500), "quote")
    fills = await world.orders.executions_of(PAIR, bought.link_id)
    spent = sum(row.price * row.quantity for row in fills)
    assert Decimal(490) < spent <= Decimal(500)
    assert {row.fee_coin for row in fills} == {"BTC"}, "a buy pays its fee in what it bought"
    assert {row.exec_id for row in fills} <= {row.exec_id for row in await world.orders.executions(since)}
    held = (await world.orders.wallet()).coins["BTC"].wallet_balance
    assert held == sum(row.quantity - row.fee for row in fills)
    sold = new_order(PAIR, side="Sell", order_type="Market", quantity=Decimal("0.001"))
    await world.orders.place(sold)
    assert (await until(world, sold, lambda row: row.state == "filled")).quantity_unit == "base"
    plain = new_order(PAIR, price=below(price))
    falls = Trigger(price=below(price, "0.9"), by="LastPrice", rises=False)
    conditional = new_order(PAIR, price=below(price), trigger=falls)
    for order in (plain, conditional):
        await world.orders.place(order)
        await until(world, order, any_one)
    assert (await world.orders.wallet()).coins["USDT"].locked > 0
    listed = {row.link_id: row for row in await world.orders.open_orders()}
    assert listed.keys() >= {plain.link_id, conditional.link_id}
    assert listed[conditional.link_id].state == "waiting_trigger"
    assert listed[conditional.link_id].trigger_price == falls.price
    await world.orders.amend(PAIR, OrderChange(price=below(price) - 10), link_id=plain.link_id, exchange_order_id=None)
    await until(world, plain, lambda row: row.price == below(price) - 10)
    # Another gateway has seen neither order: it must find out by itself what kind each is.
    stranger = BybitOrderGateway(world.endpoints, KEY, clock=SystemClock(), log=structlog.get_logger())
    await world.orders.cancel(PAIR, link_id=plain.link_id, exchange_order_id=None)
    await stranger.cancel(PAIR, link_id=conditional.link_id, exchange_order_id=None)
    await stranger.close()
    for order in (plain, conditional):
        await until(world, order, lambda row: row.state == "cancelled")
    assert [row for row in await world.orders.positions() if row.instrument == PAIR] == []
    history = {row.link_id for row in await world.orders.order_history(since)}
    assert history >= {bought.link_id, sold.link_id, plain.link_id, conditional.link_id}
    await stream.close()


async def test_more_orders_than_a_second_takes_are_placed_and_cancelled_at_once_without_a_refusal(world: World) -> None:
    price = below(await last_price(world))
    orders = [new_order(price=price - number) for number in range(24)]
    await asyncio.gather(*(world.orders.place(order) for order in orders))
    assert len(await world.orders.open_orders()) == 24
    await asyncio.gather(*(world.orders.cancel(BTC, link_id=each.link_id, exchange_order_id=None) for each in orders))
    async with asyncio.timeout(PATIENCE_S):
        while await world.orders.open_orders():
            await asyncio.sleep(0.02)


async def test_demo_will_not_say_its_fees_so_the_usual_ones_are_assumed_and_everything_else_works() -> None:
    simulator = await serve(SimulatorConfig(key=KEY.key, secret=KEY.secret, seed=7, environment="demo"))

    def endpoints() -> Endpoints:
        return Endpoints(simulator.addresses.rest, simulator.addresses.ws_public, simulator.addresses.ws_private)

    orders = BybitOrderGateway(endpoints, KEY, clock=SystemClock(), log=structlog.get_logger())
    rates = await orders.fee_rates(BTC)
    assert (rates.assumed, rates.taker) == (True, Decimal("0.00055"))
    assert (await orders.key_facts()).may_trade
    assert (await orders.wallet()).coins["USDT"].wallet_balance > 0
    assert (await orders.open_orders(), await orders.positions()) == ([], [])
    await orders.close()
    await simulator.close()


async def test_risk_limits_and_rules_of_both_categories_are_whole(world: World) -> None:
    contracts = {row.id: row for row in await world.market.instruments("linear")}
    pairs = {row.id: row for row in await world.market.instruments("spot")}
    assert contracts[BTC].funding_interval_min is not None
    assert contracts[BTC].max_leverage > 1
    assert pairs[PAIR].quote_step is not None
    assert replace(pairs[PAIR], status="Trading") == pairs[PAIR]
    tiers = await world.market.risk_tiers(BTC)
    assert tiers[0].leverage_max == contracts[BTC].max_leverage
    assert [tier.value_max for tier in tiers] == sorted(tier.value_max for tier in tiers)
    assert all(0 < tier.maintenance_rate < 1 / tier.leverage_max for tier in tiers)


async def test_spot_topics_arrive_typed_and_tickers_have_bid_and_ask(world: World) -> None:
    stream = BybitPublicStream(
        world.endpoints, "spot", clock=SystemClock(), rng=SystemRng(), log=structlog.get_logger()
    )
    stream.subscribe("tickers.BTCUSDT", "kline.1.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT")
    wanted: set[object] = {"ticker", CandleUpdate, PublicTrade, Book}
    async with asyncio.timeout(PATIENCE_S):
        async for event in stream.events():
            wanted.discard(type(event))
            if isinstance(event, Ticker) and event.bid_price is not None and event.ask_price is not None:
                assert event.bid_price < event.ask_price
                wanted.discard("ticker")
            if not wanted:
                break
    await stream.close()
