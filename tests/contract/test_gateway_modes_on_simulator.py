"""What the exchange may hold otherwise, through the gateway against the simulated exchange: two legs of a contract, the
margin mode of the account, trailing stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from contract.test_gateway_kinds_on_simulator import below, last_price, new_order, until
from contract.test_gateway_on_simulator import PATIENCE_S, World, any_one, running_world
from tradewright.core.errors import ReadRefused, Refused
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import PositionExits, RemotePosition

BTC = InstrumentId("linear", "BTCUSDT")
SIZE = Decimal("0.010")


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


async def leg(world: World, index: int, fits: Callable[[RemotePosition], bool]) -> RemotePosition:
    async with asyncio.timeout(PATIENCE_S):
        while not fits(found := await world.orders.position(BTC, index)):
            await asyncio.sleep(0.02)
    return found


async def filled(world: World, **fields: Any) -> None:
    order = new_order(order_type="Market", quantity=SIZE, **fields)
    await world.orders.place(order)
    await until(world, order, lambda row: row.state == "filled")


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> int | None:
    return refusal.value.trace.ret_code


async def test_two_legs_are_opened_read_and_closed_each_by_its_index(world: World) -> None:
    assert [held.position_index for held in await world.orders.legs(BTC)] == [0]
    await world.orders.set_position_mode(BTC, hedge=True)
    assert [(held.position_index, held.size) for held in await world.orders.legs(BTC)] == [(1, 0), (2, 0)]
    assert (await world.orders.set_position_mode(BTC, hedge=True)).ret_code in (0, 110025), "as it was counts as done"
    with pytest.raises(ReadRefused, match="hedge mode"):
        await world.orders.position(BTC)
    await filled(world, position_index=1)
    await filled(world, side="Sell", position_index=2)
    held = {row.position_index: (row.side, row.size) for row in await world.orders.positions()}
    assert held == {1: ("Buy", SIZE), 2: ("Sell", SIZE)}
    await filled(world, side="Sell", position_index=1, reduce_only=True)
    assert [(row.position_index, row.size) for row in await world.orders.legs(BTC)] == [(1, 0), (2, SIZE)]


async def test_an_order_says_its_leg_and_one_that_does_not_fit_the_mode_is_refused_and_opens_nothing(
    world: World,
) -> None:
    for hedge, index in ((False, 1), (False, 2), (True, 0)):
        if hedge:
            await world.orders.set_position_mode(BTC, hedge=True)
        with pytest.raises(Refused) as refusal:
            await world.orders.place(new_order(order_type="Market", quantity=SIZE, position_index=index))
        assert code_of(refusal) == 10001
    assert await world.orders.positions() == []
    order = new_order(price=below(await last_price(world)), position_index=1)
    await world.orders.place(order)
    assert (await until(world, order, any_one)).position_index == 1


async def test_the_position_mode_stays_while_there_is_an_order_or_a_position(world: World) -> None:
    order = new_order(price=below(await last_price(world)))
    await world.orders.place(order)
    await until(world, order, any_one)
    with pytest.raises(Refused) as refusal:
        await world.orders.set_position_mode(BTC, hedge=True)
    assert code_of(refusal) == 110028
    await world.orders.cancel(BTC, link_id=order.link_id, exchange_order_id=None)
    await filled(world)
    with pytest.raises(Refused) as refusal:
        await world.orders.set_position_mode(BTC, hedge=True)
    assert code_of(refusal) == 110024
    assert len(await world.orders.legs(BTC)) == 1


async def test_exits_and_leverage_in_hedge_mode(world: World) -> None:
    await world.orders.set_position_mode(BTC, hedge=True)
    await filled(world, position_index=1)
    await filled(world, side="Sell", position_index=2)
    price = await last_price(world)
    await world.orders.set_exits(BTC, PositionExits(stop_loss=below(price), position_index=1))
    await world.orders.set_exits(BTC, PositionExits(stop_loss=below(price, "1.2"), position_index=2))
    assert (await leg(world, 1, lambda row: row.stop_loss is not None)).stop_loss == below(price)
    assert (await leg(world, 2, lambda row: row.stop_loss is not None)).stop_loss == below(price, "1.2")
    await world.orders.set_leverage(BTC, Decimal(7))
    assert [row.leverage for row in await world.orders.legs(BTC)] == [7, 7]


async def test_the_margin_mode_of_the_account_is_set_and_read_back(world: World) -> None:
    assert (await world.orders.modes()).margin_mode == "REGULAR_MARGIN"
    for _ in range(2):  # the present one counts as done
        await world.orders.set_margin_mode("ISOLATED_MARGIN")
        assert (await world.orders.modes()).margin_mode == "ISOLATED_MARGIN"
    await world.orders.set_margin_mode("REGULAR_MARGIN")
    assert (await world.orders.modes()).margin_mode == "REGULAR_MARGIN"


async def test_a_refused_margin_mode_tells_every_reason_of_the_exchange(world: World) -> None:
    order = new_order(price=below(await last_price(world)))
    await world.orders.place(order)
    await until(world, order, any_one)
    await filled(world)
    with pytest.raises(Refused) as refusal:
        await world.orders.set_margin_mode("ISOLATED_MARGIN")
    assert code_of(refusal) == 3400045
    told = refusal.value.trace.ret_msg
    assert told.startswith("Set margin mode failed: ")
    assert "open positions" in told
    assert "active orders" in told
    assert (await world.orders.modes()).margin_mode == "REGULAR_MARGIN"


async def test_a_trailing_stop_follows_at_once_or_from_a_price_on_and_is_removed(world: World) -> None:
    await filled(world)
    price = await last_price(world)
    await world.orders.set_exits(BTC, PositionExits(trailing_stop=Decimal(500)))
    assert (await leg(world, 0, lambda row: row.trailing_stop is not None)).trailing_stop == 500
    begins = below(price, "1.1")
    await world.orders.set_exits(BTC, PositionExits(trailing_stop=Decimal(300), trailing_active_price=begins))
    await leg(world, 0, lambda row: row.trailing_stop == 300)
    trailing = [row for row in await world.orders.open_orders() if row.stop_order_type == "TrailingStop"]
    assert [row.trigger_price for row in trailing] == [begins], "it waits for the price from which it follows"
    assert trailing[0].is_attached
    await world.orders.set_exits(BTC, PositionExits(trailing_stop=Decimal(0)))
    assert (await leg(world, 0, lambda row: row.trailing_stop is None)).size == SIZE
    stop = below(price)
    await world.orders.set_exits(BTC, PositionExits(stop_loss=stop))
    await world.orders.set_exits(BTC, PositionExits(trailing_stop=Decimal(500)))
    held = await leg(world, 0, lambda row: row.trailing_stop is not None)
    assert (held.stop_loss, held.trailing_stop) == (stop, 500), "each leaves the other as it is"
    await world.orders.set_exits(BTC, PositionExits(stop_loss=Decimal(0)))
    assert (await leg(world, 0, lambda row: row.stop_loss is None)).trailing_stop == 500
