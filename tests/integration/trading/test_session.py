"""The account session on PostgreSQL, against the exchange twin, in real time: the whole way of a few orders."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from contract.journal_worlds import BTC_RULES
from integration.trading.conftest import Desk
from sim.exchange_ports import GatewayTwin, StreamTwin, Wire
from sim.exchange_twin import ExchangeTwin
from tradewright.core.ids import IntentId, link_id_of
from tradewright.core.order_status import OrderStatus
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading import queries
from tradewright.trading.intent_queries import intent as intent_of_id
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.store import PostgresJournal

WAIT_S = 60.0


class Office:
    """A desk, an exchange, and the process between them, which can be killed and started anew."""

    def __init__(self, desk: Desk) -> None:
        rng = random.Random(1)
        self.desk = desk
        self.exchange = ExchangeTwin(VirtualClock(asyncio.get_running_loop()), rng)
        self.wire = Wire(self.exchange, rng)
        self.exchange.publish = self.wire.publish
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        clock, ids = SystemClock(), SystemIds()

        async def alive(_name: str) -> None:
            return None

        parts = SessionParts(
            account=self.desk.home.account,
            gateway=GatewayTwin(self.wire, alive),
            stream=StreamTwin(self.wire, alive),
            journal=PostgresJournal(self.desk.engine, self.desk.home.account, clock=clock, ids=ids),
            instrument_of=lambda instrument: BTC_RULES if instrument == BTC_RULES.id else None,
            clock=clock,
            ids=ids,
            rng=SystemRng(),
            evidence=EvidenceRule(),
        )
        self.task = asyncio.create_task(AccountSession(parts).run())

    async def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    async def intent(self, intent_id: IntentId) -> dict[str, Any]:
        found: dict[str, Any] = await self.desk.read(intent_of_id, intent_id)
        return found

    async def until(self, intent_id: IntentId, *wanted: OrderStatus) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while (found := await self.intent(intent_id))["status"] not in wanted:
            assert self.task is not None
            if self.task.done():
                self.task.result()
            assert time.monotonic() < deadline, f"{found['status']} after {WAIT_S} s, wanted {wanted}"
            await asyncio.sleep(0.02)
        return found

    async def session(self, wanted: str) -> None:
        """Until the session has told that it is so."""
        deadline = time.monotonic() + WAIT_S
        while wanted not in [
            delta["account"]["session"]["state"]
            for _seq, delta in await self.desk.read(queries.events_after, 0, 1000)
            if delta["kind"] == "session"
        ]:
            assert time.monotonic() < deadline, f"the session was not {wanted} within {WAIT_S} s"
            await asyncio.sleep(0.02)

    async def settled(self, intent_id: IntentId) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while not (found := await self.intent(intent_id))["settled"]:
            assert time.monotonic() < deadline, f"still {found['state']} after {WAIT_S} s"
            await asyncio.sleep(0.02)
        return found

    def accepted(self, intent_id: IntentId) -> int:
        return [(e.what, e.link_id) for e in self.exchange.log].count(("accepted", link_id_of(intent_id)))


@pytest_asyncio.fixture
async def office(desk: Desk) -> AsyncIterator[Office]:
    made = Office(desk)
    made.start()
    await made.session("ready")  # what was asked before it took over would expire
    yield made
    await made.kill()


async def test_orders_are_filled_cancelled_and_rejected_as_the_exchange_says(office: Office) -> None:
    desk = office.desk
    market: dict[str, Any] = {"order_type": "Market", "price": None, "time_in_force": "IOC"}
    market["slippage_percent"] = Decimal("0.5")
    buy = await desk.place(**market)
    resting = await desk.place(price=Decimal(50000))
    refused = await desk.place(quantity=Decimal(100), **market)
    filled = await office.until(buy, "filled")
    assert filled["order"]["filled_quantity"] == "0.5"
    await office.until(resting, "working")
    cancel = await desk.cancel(UUID(str(resting)))
    await office.until(resting, "cancelled")
    assert (await office.settled(cancel))["state"] == "acknowledged"
    rejected = await office.until(refused, "rejected")
    assert rejected["reason"]["code"] == "exchange.insufficient_margin"
    (held,) = await desk.read(queries.positions)
    assert (held["side"], held["size"]) == ("Buy", "0.5")
    fills, _ = await desk.read(queries.fills)
    assert sum(Decimal(fill["quantity"]) for fill in fills) == Decimal("0.5")
    assert {fill["order_id"] for fill in fills} == {str(buy)}


async def test_a_process_killed_before_the_reply_leaves_one_order_and_the_next_one_finds_it(office: Office) -> None:
    office.wire.next_command = ["reply_lost"]
    office.exchange.hide_for = lambda: 1.0
    buy = await office.desk.place(price=Decimal(50000))
    deadline = time.monotonic() + WAIT_S
    while not office.accepted(buy):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
    await office.kill()
    assert (await office.intent(buy))["state"] in ("sending", "unknown")
    office.start()
    await office.until(buy, "working")
    await office.settled(buy)
    assert office.accepted(buy) == 1


async def test_many_orders_at_once_are_each_one_order(office: Office) -> None:
    placed = [await office.desk.place(price=Decimal(50000), quantity=Decimal("0.01")) for _ in range(30)]
    for intent_id in placed:
        await office.until(intent_id, "working")
    assert [office.accepted(intent_id) for intent_id in placed] == [1] * 30
    snapshot = await office.desk.read(queries.account_snapshot)
    events = await office.desk.read(queries.events_after, 0, 1000)
    assert [seq for seq, _ in events] == list(range(1, snapshot[0] + 1))


async def test_an_order_asked_for_during_an_outage_is_sent_once_after_it(office: Office) -> None:
    office.wire.down = True
    office.wire.drop_streams()
    await office.session("degraded")
    waiting = await office.desk.place()
    office.wire.down = False
    await office.until(waiting, "working", "filled", "partially_filled")
    assert office.accepted(waiting) == 1
    assert (await office.desk.read(intent_of_id, IntentId(uuid4()))) is None


@pytest.mark.parametrize("kills", [3])
async def test_a_process_killed_again_and_again_changes_nothing_twice(office: Office, kills: int) -> None:
    placed = []
    for _ in range(kills):
        placed.append(await office.desk.place(price=Decimal(50000), quantity=Decimal("0.01")))
        await office.until(placed[-1], "working", "acknowledged", "not_sent")
        await office.kill()
        office.start()
    for intent_id in placed:
        found = await office.until(intent_id, "working", "not_sent")
        assert office.accepted(intent_id) == (1 if found["status"] == "working" else 0)
    fills = await office.desk.count("executions")
    assert fills == len(office.exchange.fills)
