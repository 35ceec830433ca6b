"""Ours: a public trade through the market stream, an order of the same price through the gateway.

`bare` sends it at once. `own` is an order that the account's owner itself opens, as a bot does: judged by the limits,
written down with its request, sent, its answer written down and logged, by the session's own intake. `owner` has its
intent in the database and commits its request before the first byte and its answer after: what the account's owner does
between a wish and the wire. `hand` writes the wish itself down too, in a transaction of its own, and finds it again as
the owner does: a whole order by hand, but for the API's HTTP. `floor` is `bare` with the least that a durable intent
can cost before it: one row, inserted and on the disk, by the bare driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import psycopg
import structlog
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.bench.tick_loop import KEY, QUANTITY, SECRET, SYMBOL, TOPIC, frames, serve

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from contract.journal_worlds import BTC_RULES, Home, make_home
from tradewright import logs
from tradewright.core.ids import IntentId, LinkId, RequestId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.core.risk import Effective, Limits
from tradewright.core.risk_prices import PriceView
from tradewright.core.rule_parts import Quotes
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import ApiKey, Endpoints, PublicTrade
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.account_book import AccountBook
from tradewright.trading.asking import Asker
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_place
from tradewright.trading.intake import Intake
from tradewright.trading.journal import AnsweredAcknowledged
from tradewright.trading.kept_journal import KeptJournal
from tradewright.trading.look_backs import LookBacks
from tradewright.trading.model import PlaceIntent, Reason
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.risk.exposure import Exposure, Holdings
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.session_parts import SessionParts
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


class Prices:
    """Fresh ones of every symbol."""

    def __init__(self) -> None:
        price = Decimal(60_250)
        quotes = Quotes(last=price, mark=price, index=price, bid=price, ask=price)
        self._view = PriceView(quotes=quotes, link_age_s=0.0, quote_age_s=0.0)

    def of(self, _instrument: InstrumentId) -> PriceView:
        return self._view

    def want(self, instrument: InstrumentId, arrived: Callable[[], None]) -> None:
        raise AssertionError("there is a price of each symbol")


class OwnDesk:
    """The part of a session that sends, with the limits in force and everything else at rest."""

    def __init__(self, desk: Desk) -> None:
        self._exposure = Exposure()
        self._exposure.load(Holdings(), CLOCK.monotonic())
        rule = RiskRule(self._exposure, Prices(), clock=CLOCK)
        plenty = Decimal(10_000_000)
        limits = Limits(
            order_notional=plenty,
            position_notional=plenty,
            open_orders=plenty,
            orders_per_minute=plenty,
            data_age=Decimal(30),
        )
        rule.limits = Effective(limits, {})
        book = AccountBook()
        journal = KeptJournal(desk.journal, book, self._exposure, CLOCK)
        parts = SessionParts(
            account=desk.home.account,
            gateway=desk.gateway,
            stream=cast(Any, None),
            journal=journal,
            instrument_of=lambda _instrument: BTC_RULES,
            clock=CLOCK,
            ids=IDS,
            rng=SystemRng(),
            evidence=EvidenceRule(),
            book=book,
            exposure=self._exposure,
            rules=[rule],
        )
        looks = LookBacks(desk.gateway, journal, CLOCK, asyncio.Lock(), book.owed)
        self._intake = Intake(
            parts, looks, may_look=lambda: True, may_go=lambda _intent: True, note_unknown=lambda: None
        )

    async def place(self, trade: PublicTrade) -> None:
        """Until its answer is written down. Then the order counts as over: nothing here reports it."""
        own = OwnOrder(body=_body(trade.price), source="drift", reason=_WHY, validity=timedelta(seconds=10))
        async with asyncio.TaskGroup() as tasks:
            objection = self._intake.place(own, tasks)
            assert objection is None, f"the order was to go: {objection}"
        self._exposure.ended(own.body.id)


_WHY = Reason("order.own")


def _log_to_nowhere() -> None:
    """As a worker does, with everything but the reading end."""
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        logs.configure(process="worker", level="info", form="json")


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
            if mode == "own":
                _log_to_nowhere()
                own = OwnDesk(desk)
                serve(lambda count: runner.run(market.ticks(count, own.place)))
            elif mode == "owner":
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
