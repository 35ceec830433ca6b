"""The guardian on PostgreSQL against the simulated exchange, through the real gateway and stream, in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest_asyncio
import structlog
from sqlalchemy import text

from contract.journal_worlds import BTC_RULES
from contract.test_gateway_on_simulator import KEY, World, running_world
from integration.trading.conftest import Desk
from tradewright.core.order import Exit, PositionExits
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading import queries
from tradewright.trading.guardian.guardian import Guardian
from tradewright.trading.guardian.model import GuardSettings
from tradewright.trading.guardian.store import PostgresGuardReads
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.store import PostgresJournal

WAIT_S = 60.0
BTC = BTC_RULES.id
SETTINGS = GuardSettings(grace_s=0.5, flatten_after_s=4.0)


class Office:
    """A desk, the simulated exchange, and the process between them, which can be killed and started anew."""

    def __init__(self, desk: Desk, world: World) -> None:
        self.desk = desk
        self.world = world
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        clock, ids, rng, log = SystemClock(), SystemIds(), SystemRng(), structlog.get_logger()
        account = self.desk.home.account
        gateway = BybitOrderGateway(self.world.endpoints, KEY, clock=clock, log=log)
        stream = BybitPrivateStream(
            self.world.endpoints, KEY, server_time=gateway.server_time, clock=clock, rng=rng, log=log
        )
        guardian = Guardian(PostgresGuardReads(self.desk.engine, account), clock, SETTINGS)
        parts = SessionParts(
            account=account,
            gateway=gateway,
            stream=stream,
            journal=PostgresJournal(self.desk.engine, account, clock=clock, ids=ids),
            instrument_of=lambda instrument: BTC_RULES if instrument == BTC else None,
            clock=clock,
            ids=ids,
            rng=rng,
            evidence=EvidenceRule(),
            rules=[guardian],
            companions=[guardian],
        )
        self.task = asyncio.create_task(AccountSession(parts).run())

    async def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])

    async def position(self) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = await self.desk.read(queries.positions)
        return found[0] if found else None

    async def until(self, so: Callable[[dict[str, Any] | None], bool], what: str) -> dict[str, Any] | None:
        deadline = time.monotonic() + WAIT_S
        while not so(found := await self.position()):
            assert self.task is not None
            if self.task.done():
                self.task.result()
            assert time.monotonic() < deadline, f"not so within {WAIT_S} s: {what}; the position is {found}"
            await asyncio.sleep(0.05)
        return found

    async def protected(self) -> dict[str, Any]:
        found = await self.until(_is("protected"), "it is protected")
        assert found is not None
        return found

    async def news(self) -> list[str]:
        return await self._column(
            "SELECT payload->'protection'->>'news' FROM account_events WHERE kind = 'protection' ORDER BY seq"
        )

    async def wishes(self) -> list[str]:
        return await self._column("SELECT kind || ' ' || state FROM intents WHERE source = 'guardian' ORDER BY id")

    async def _column(self, sql: str) -> list[str]:
        async with self.desk.engine.connect() as connection:
            return [row[0] for row in await connection.execute(text(sql))]

    async def arm(self, **fault: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.world.simulator.addresses.rest}/sim/faults", json=fault, headers={"X-Sim-Key": KEY.key}
            ) as response,
        ):
            assert response.status == 200, await response.text()

    async def take_stop_off_elsewhere(self) -> None:
        await self.world.orders.set_exits(BTC, PositionExits(stop_loss=Decimal(0)))

    async def buy(self) -> Decimal:
        """A position with a stop in its plan; returns where."""
        stop = (await self.world.last_price() * Decimal("0.8")).quantize(Decimal(1))
        await self.desk.place(
            order_type="Market",
            price=None,
            time_in_force="IOC",
            quantity=Decimal("0.01"),
            slippage_percent=Decimal(1),
            stop_loss=Exit(trigger_price=stop),
        )
        return stop


def _is(state: str) -> Callable[[dict[str, Any] | None], bool]:
    def so(found: dict[str, Any] | None) -> bool:
        return found is not None and found["protection"] is not None and found["protection"]["state"] == state

    return so


def _is_flat(found: dict[str, Any] | None) -> bool:
    return found is None


@pytest_asyncio.fixture
async def office(desk: Desk) -> AsyncIterator[Office]:
    async with running_world() as world:
        opened = Office(desk, world)
        opened.start()
        yield opened
        await opened.kill()


async def test_a_stop_that_is_taken_off_elsewhere_comes_back_and_the_time_without_it_is_shown(office: Office) -> None:
    stop = await office.buy()
    found = await office.protected()
    assert found["protection"]["stop"] == str(stop)
    assert await office.wishes() == []
    await office.take_stop_off_elsewhere()
    naked = await office.until(lambda found: not _is("protected")(found), "it is seen to be naked")
    assert naked is not None
    assert naked["protection"]["naked_since_ms"] is not None
    again = await office.protected()
    assert again["stop_loss"] == str(stop)
    assert again["protection"]["naked_since_ms"] is None
    assert again["protection"]["naked_ms_total"] >= 500
    assert await office.wishes() == ["exits acknowledged"]
    assert (await office.news())[-3:] == ["naked", "repairing", "restored"]


async def test_a_stop_that_the_exchange_refuses_closes_the_position_once_over_two_restarts(office: Office) -> None:
    await office.buy()
    await office.protected()
    await office.take_stop_off_elsewhere()
    await office.arm(kind="ret_code", path="/v5/position/trading-stop", code=10006, reset_ms=100, count=30)
    await office.until(_is("repairing"), "its stop is asked for again")
    for _ in range(2):
        await office.kill()
        office.start()
        await asyncio.sleep(0.2)
    await office.until(_is_flat, "it is closed")
    await asyncio.sleep(1.0)
    assert (await office.wishes()).count("place acknowledged") == 1
    assert (await office.news())[-2:] == ["flattening", "flat"]
    assert (await office.world.orders.position(BTC)).size == 0


async def test_a_repair_whose_answer_is_lost_while_every_socket_breaks_leaves_the_position_protected(
    office: Office,
) -> None:
    stop = await office.buy()
    await office.protected()
    await office.take_stop_off_elsewhere()
    await office.arm(kind="lost_reply", path="/v5/position/trading-stop", count=1, hang=False)
    await office.arm(kind="drop_sockets", stream="private")
    await office.until(lambda found: not _is("protected")(found), "it is seen to be naked")
    again = await office.protected()
    assert again["stop_loss"] == str(stop)
    assert (await office.world.orders.position(BTC)).stop_loss == stop
