"""A burst of cancels through the gateway against the simulated exchange: alone and in batches, each to its own end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest_asyncio
import structlog

from contract.test_gateway_kinds_on_simulator import below, last_price, new_order
from contract.test_gateway_on_simulator import KEY, World, endpoints_of, running_world
from tradewright.core.errors import OutcomeUnknown, Refused
from tradewright.core.ids import LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.exchange.bybit.batches import ALONE_MAX
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.ports import Acknowledged
from tradewright.system import SystemClock

BTC = InstrumentId("linear", "BTCUSDT")
BATCH = "/v5/order/cancel-batch"


class Batching(World):
    paths: list[str]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[Batching]:
    async with running_world() as running:
        gateway = BybitOrderGateway(
            lambda: endpoints_of(running.simulator),
            KEY,
            clock=SystemClock(),
            log=structlog.get_logger(),
            batches=("linear", "spot"),
        )
        batching = Batching(running.simulator, gateway, running.market)
        batching.paths = []
        command = gateway._rest.command

        async def noted(path: str, body: Mapping[str, object], *rest: Any, **more: Any) -> Any:
            batching.paths.append(path)
            return await command(path, body, *rest, **more)

        gateway._rest.command = noted  # type: ignore[method-assign]
        yield batching
        await gateway.close()


async def resting(world: World, count: int) -> list[NewOrder]:
    price = below(await last_price(world))
    orders = [new_order(price=price + number) for number in range(count)]
    await asyncio.gather(*(world.orders.place(order) for order in orders))
    return orders


async def cancel(world: World, link_id: LinkId) -> Acknowledged | BaseException:
    (outcome,) = await asyncio.gather(
        world.orders.cancel(BTC, link_id=link_id, exchange_order_id=None), return_exceptions=True
    )
    return outcome


async def test_a_burst_of_cancels_ends_every_order_and_tells_each_what_became_of_it(world: Batching) -> None:
    orders = await resting(world, ALONE_MAX + 9)
    links = [order.link_id for order in orders]
    never_there = LinkId("tw" + "0" * 32)
    links.insert(ALONE_MAX + 4, never_there)
    outcomes = await asyncio.gather(*(cancel(world, link) for link in links))
    gone = outcomes[ALONE_MAX + 4]
    assert isinstance(gone, Refused)
    assert gone.trace.ret_code == 110001
    assert sum(isinstance(one, Acknowledged) for one in outcomes) == len(orders)
    assert world.paths.count("/v5/order/cancel") == ALONE_MAX
    assert world.paths.count(BATCH) == 2, "the first that goes along, and then all who waited"
    assert await world.orders.open_orders() == []


async def test_a_lost_answer_to_a_batch_leaves_each_of_its_orders_unknown_and_they_are_gone(world: Batching) -> None:
    orders = await resting(world, ALONE_MAX + 1)
    await world.swallow_reply(BATCH, hang=False)
    outcomes = await asyncio.gather(*(cancel(world, order.link_id) for order in orders))
    assert [type(one) for one in outcomes] == [Acknowledged] * ALONE_MAX + [OutcomeUnknown]
    assert await world.orders.open_orders() == []


async def test_spot_orders_go_along_too(world: Batching) -> None:
    pair = InstrumentId("spot", "BTCUSDT")
    price = below(await last_price(world, pair))
    orders = [new_order(pair, price=price + number) for number in range(ALONE_MAX + 2)]
    orders = [replace(order, quantity=order.quantity / 10) for order in orders]
    await asyncio.gather(*(world.orders.place(order) for order in orders))
    await asyncio.gather(
        *(world.orders.cancel(pair, link_id=order.link_id, exchange_order_id=None) for order in orders)
    )
    assert world.paths.count(BATCH) >= 1
    assert await world.orders.open_orders() == []
