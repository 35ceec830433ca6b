"""Ours: a public trade through the market stream, an order of the same price through the gateway.

`bare` sends it at once. `owner` has its intent in the database and commits its request before the first byte and its
answer after: what the account's owner does between a wish and the wire. `hand` writes the wish itself down too, in a
transaction of its own, and finds it again as the owner does: a whole order by hand, but for the API's HTTP. `floor` is
`bare` with the least that a durable intent can cost before it: one row, inserted and on the disk, by the bare driver.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import structlog
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.bench.tick_loop import KEY, QUANTITY, SECRET, SYMBOL, TOPIC, frames, serve

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from contract.journal_worlds import BTC_RULES, Home, make_home
from tradewright.core.ids import IntentId, LinkId, RequestId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import ApiKey, Endpoints, PublicTrade
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_place
from tradewright.trading.journal import AnsweredAcknowledged
from tradewright.trading.model import PlaceIntent
from tradewright.trading.store import PostgresJournal

CLOCK, IDS = SystemClock(), SystemIds()
QUIET = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50))
_VIEW = MarketView(instrument=BTC_RULES)
_OnTrade = Callable[[PublicTrade], Awaitable[object]]


class Market:
    """The market stream without its socket: a frame's bytes in, the trade out."""

    def __init__(self) -> None:
        stream = BybitPublicStream(lambda: Endpoints("", "", ""), "linear", clock=CLOCK, rng=SystemRng(), log=QUIET)
        stream.subscribe(TOPIC)
        self._runner = stream._runner
        self._frames = frames()

    async def ticks(self, count: int, on_trade: _OnTrade) -> list[int]:
        began: list[int] = []
        for _ in range(count):
            frame = next(self._frames)
            began.append(time.monotonic_ns())
            self._runner._heard(frame)
            trade = self._runner._queue.popleft()
            assert isinstance(trade, PublicTrade)
            await on_trade(trade)
        return began


class Desk:
    """An account on a database, for what is asked by hand and what its owner does with it."""

    def __init__(self, engine: AsyncEngine, home: Home, gateway: BybitOrderGateway) -> None:
        self.engine, self.home, self.gateway = engine, home, gateway
        self.journal = PostgresJournal(engine, home.account, clock=CLOCK, ids=IDS)

    async def ask(self, price: Decimal) -> None:
        async with self.engine.begin() as connection:
            asker = Asker(
                connection=connection,
                workspace_id=self.home.workspace_id,
                account_id=self.home.account.id,
                user_id=self.home.user_id,
                ip=None,
                clock=CLOCK,
                ids=IDS,
            )
            await submit_place(asker, _body(price), _VIEW)

    async def send(self, intent: PlaceIntent) -> None:
        request = await self.journal.open_request(intent, RequestId(IDS.new()))
        assert request is not None, "the intent was to be sent"
        taken = await self.gateway.place(intent.order)
        await self.journal.answer(intent, request, AnsweredAcknowledged(taken.exchange_order_id, taken.trace))

    async def proposed(self) -> list[PlaceIntent]:
        return [intent for intent in await self.journal.proposed() if isinstance(intent, PlaceIntent)]

    async def by_hand(self, trade: PublicTrade) -> None:
        await self.ask(trade.price)
        await self.journal.expire_overdue()
        (intent,) = await self.proposed()
        await self.send(intent)


def _body(price: Decimal) -> PlaceBody:
    return PlaceBody(
        id=IntentId(IDS.new()),
        category="linear",
        symbol=SYMBOL,
        side="Buy",
        order_type="Limit",
        quantity=Decimal(QUANTITY),
        price=price,
        time_in_force="GTC",
        reduce_only=False,
        note=None,
    )


def _order(trade: PublicTrade) -> NewOrder:
    return NewOrder(
        link_id=LinkId(trade.trade_id),
        instrument=InstrumentId("linear", SYMBOL),
        side="Buy",
        order_type="Limit",
        quantity=Decimal(QUANTITY),
        price=trade.price,
        time_in_force="GTC",
    )


async def _gateway(address: str) -> BybitOrderGateway:
    return BybitOrderGateway(lambda: Endpoints(address, "", ""), ApiKey(KEY, SECRET), clock=CLOCK, log=QUIET)


async def _desk(url: str, gateway: BybitOrderGateway) -> Desk:
    engine = create_engine(url, pool_size=4)
    return Desk(engine, await make_home(engine, IDS, CLOCK, uid=str(IDS.new())), gateway)


async def _ask(desk: Desk, count: int) -> None:
    """Wishes that wait, at most as many as the owner reads at once."""
    for number in range(count):
        await desk.ask(Decimal(60_000 + number))


async def _as_owner(market: Market, desk: Desk, count: int) -> list[int]:
    waiting = iter(await desk.proposed())
    return await market.ticks(count, lambda _trade: desk.send(next(waiting)))


async def _floor(url: str) -> psycopg.AsyncConnection[Any]:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await connection.execute("CREATE TABLE floor (id uuid PRIMARY KEY, price numeric)")
    return connection


async def _row_and_place(connection: psycopg.AsyncConnection[Any], gateway: BybitOrderGateway, order: NewOrder) -> None:
    await connection.execute("INSERT INTO floor VALUES (%s, %s)", (IDS.new(), order.price), prepare=True)
    await gateway.place(order)


def main(mode: str, address: str, url: str) -> None:
    market = Market()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        gateway = runner.run(_gateway(address))
        if mode == "floor":
            connection = runner.run(_floor(url))
            serve(
                lambda count: runner.run(
                    market.ticks(count, lambda trade: _row_and_place(connection, gateway, _order(trade)))
                )
            )
            runner.run(connection.close())
        elif mode == "bare":
            serve(lambda count: runner.run(market.ticks(count, lambda trade: gateway.place(_order(trade)))))
        else:
            desk = runner.run(_desk(url, gateway))
            if mode == "owner":
                serve(
                    lambda count: runner.run(_as_owner(market, desk, count)),
                    prepare=lambda count: runner.run(_ask(desk, count)),
                )
            else:
                serve(lambda count: runner.run(market.ticks(count, desk.by_hand)))
            runner.run(desk.engine.dispose())
        runner.run(gateway.close())


if __name__ == "__main__":
    main(*sys.argv[1:])
