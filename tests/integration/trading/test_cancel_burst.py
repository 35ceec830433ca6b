"""Cancel-all of many orders through the whole of one account: PostgreSQL, the session, the real gateway, the simulated
exchange. Each order has its own cancel, its own request row and its own end, whichever way it went."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import text

from contract.journal_worlds import BTC_RULES
from contract.test_gateway_kinds_on_simulator import below, last_price
from contract.test_gateway_on_simulator import KEY, endpoints_of, running_world
from integration.trading.conftest import Desk
from integration.trading.test_change_commands import cancel_all
from tradewright.exchange.bybit.batches import CancelBatches
from tradewright.exchange.bybit.order_bodies import Body
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.ports import Acknowledged
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.bodies import CancelAllBody
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.store import PostgresJournal

ORDERS = 12
WAIT_S = 60.0


async def states(desk: Desk) -> Counter[str]:
    async with desk.engine.connect() as connection:
        found = await connection.execute(text("SELECT state FROM orders"))
        return Counter(found.scalars())


async def until(desk: Desk, task: asyncio.Task[None], wanted: Mapping[str, int]) -> None:
    deadline = time.monotonic() + WAIT_S
    while (seen := await states(desk)) != wanted:
        if task.done():
            task.result()
        assert time.monotonic() < deadline, f"{seen} after {WAIT_S} s, wanted {wanted}"
        await asyncio.sleep(0.05)


async def test_cancel_all_of_many_orders_ends_each_by_a_request_of_its_own(desk: Desk) -> None:
    clock, ids, log = SystemClock(), SystemIds(), structlog.get_logger()
    async with running_world() as world:
        places = lambda: endpoints_of(world.simulator)  # noqa: E731
        gateway = BybitOrderGateway(places, KEY, clock=clock, log=log, batches=("linear",))
        paths: Counter[str] = Counter()
        batch_left = asyncio.Event()
        command = gateway._rest.command

        async def noted(path: str, body: Mapping[str, object], *rest: Any, **more: Any) -> Any:
            paths[path] += 1
            if path.endswith("-batch"):
                batch_left.set()
            return await command(path, body, *rest, **more)

        gateway._rest.command = noted  # type: ignore[method-assign]

        async def slow_alone(body: Body) -> Acknowledged:
            """However slowly this machine commits, others come while one is under way."""
            await batch_left.wait()
            return await gateway._cancel_alone(body)

        gateway._cancels = CancelBatches(slow_alone, gateway._cancel_along, alone_max=1)
        stream = BybitPrivateStream(places, KEY, server_time=gateway.server_time, clock=clock, rng=SystemRng(), log=log)
        parts = SessionParts(
            account=desk.home.account,
            gateway=gateway,
            stream=stream,
            journal=PostgresJournal(desk.engine, desk.home.account, clock=clock, ids=ids),
            instrument_of=lambda instrument: BTC_RULES if instrument == BTC_RULES.id else None,
            clock=clock,
            ids=ids,
            rng=SystemRng(),
            evidence=EvidenceRule(),
        )
        session = AccountSession(parts)
        task = asyncio.create_task(session.run())
        try:
            price = below(await last_price(world))
            while session.state != "ready":
                await asyncio.sleep(0.02)
            for number in range(ORDERS):
                await desk.place(quantity=Decimal("0.01"), price=price + number)
            session.wake()
            await until(desk, task, {"working": ORDERS})
            asked = await cancel_all(desk, CancelAllBody(id=uuid4(), category="linear", symbol=None))
            assert len(asked) == ORDERS
            session.wake()
            await until(desk, task, {"cancelled": ORDERS})
            async with desk.engine.connect() as connection:
                found = await connection.execute(
                    text("SELECT intent_id, attempt, outcome FROM requests WHERE kind = 'cancel'")
                )
                rows = [tuple(row) for row in found]
            assert sorted(row[0] for row in rows) == sorted(cancel.intent_id for cancel in asked)
            assert {row[1:] for row in rows} == {(1, "acknowledged")}
            assert paths["/v5/order/cancel-batch"] >= 1, "those that had to wait went along"
            assert paths["/v5/order/cancel"] + paths["/v5/order/cancel-batch"] <= ORDERS
            assert await gateway.open_orders() == []
        finally:
            task.cancel()
            await asyncio.wait([task])
