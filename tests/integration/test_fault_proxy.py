"""Through a proxy that spoils what passes: orders exist exactly once, and what is told becomes right by itself.

A real worker, a real exchange, real sockets. What holds is judged by the exchange's own records and by what it answers
past the proxy, against what the API reads.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from campaigns.equal import State, read_said, read_told
from campaigns.processes import ExchangeAt, WorkerProcess, exchange_at
from contract.journal_worlds import make_home
from integration.trading.conftest import Desk
from support.fault_proxy import DELIVERED, UNDELIVERED, FaultProxy, RestFault, fault_proxy
from tradewright.core.ids import IntentId, link_id_of
from tradewright.installation import write_exchange_ready
from tradewright.system import SystemClock, SystemIds
from tradewright.trading import queries
from tradewright.trading.intent_queries import intent as intent_of_id
from tradewright.trading.store import PostgresJournal

_WITHIN_S = 120.0  # a busy machine; on an idle one each wait is of a few seconds
_SETTINGS = {"TRADEWRIGHT_SETTLING_MARGIN_S": "1"}
_SEEN = {"acknowledged"}
_WITHOUT_EFFECT = {"not_placed", "expired", "rejected", "refused"}
_TRIES = 3  # at a fault: the gateway may hold an order back that comes right after failures


class World:
    def __init__(self, desk: Desk, exchange: ExchangeAt, proxy: FaultProxy, worker: WorkerProcess) -> None:
        self.desk = desk
        self.exchange = exchange
        self.proxy = proxy
        self.worker = worker
        self.placed: list[IntentId] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, engine: AsyncEngine, url: str, home: Path) -> AsyncIterator[World]:
        limits = ("--limit-factor", "0", "--ip-limit", "0")
        with exchange_at(home / "exchange", *limits) as exchange:
            async with fault_proxy(exchange.ready["rest"], exchange.ready["ws_private"]) as proxy:
                seen = {**exchange.ready, "rest": proxy.rest, "ws_private": proxy.stream}
                write_exchange_ready(home / "exchange/ready.json", "Simulated", seen)
                owned = await make_home(engine, SystemIds(), SystemClock(), uid=exchange.uid)
                journal = PostgresJournal(engine, owned.account, clock=SystemClock(), ids=SystemIds())
                worker = WorkerProcess(home, url, _SETTINGS)
                try:
                    yield cls(Desk(engine, owned, journal), exchange, proxy, worker)
                finally:
                    worker.kill()

    # What a person does.

    async def place(self, fault: RestFault | None = None, **changes: Any) -> IntentId:
        """An order that rests; `fault` meets its first request."""
        fields: dict[str, Any] = {"quantity": Decimal("0.001"), "price": Decimal(20000)}
        intent_id = IntentId(uuid4())
        body = self.desk.body(id=intent_id, **(fields | changes))
        if fault is not None:
            self.proxy.orders[link_id_of(intent_id)] = fault
        await self.desk.submit(body, reference_price=Decimal(60000))
        self.placed.append(intent_id)
        return intent_id

    async def buy(self) -> IntentId:
        """At market, so that there are fills, a position and a fee."""
        changes = {"order_type": "Market", "price": None, "time_in_force": "IOC", "slippage_percent": Decimal("0.5")}
        return await self.place(**changes)

    async def intent(self, intent_id: IntentId) -> dict[str, Any]:
        """As the API reads it."""
        found: dict[str, Any] = await self.desk.read(intent_of_id, intent_id)
        return found

    async def settled(self, intent_id: IntentId) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            found = await self.intent(intent_id)
            return found if found["settled"] else None

        return await self.until(look, f"{intent_id} has an outcome")  # type: ignore[no-any-return]

    async def faulty(self, fault: RestFault) -> tuple[RestFault, dict[str, Any]]:
        """An order that met the fault, once its outcome is known."""
        for _ in range(_TRIES):
            before = self.proxy.struck[fault]
            ended = await self.settled(await self.place(fault))
            if self.proxy.struck[fault] > before:
                return fault, ended
        raise AssertionError(f"no order of {_TRIES} came as far as {fault}: {ended}")

    async def session(self) -> str:
        async with self.desk.engine.connect() as connection:
            (account,) = await queries.accounts(connection, self.desk.workspace_id)
        return str(account["session"]["state"])

    async def until_ready(self) -> None:
        async def look() -> bool:
            return await self.session() == "ready"

        await self.until(look, "the account is ready")

    async def until_equal(self) -> None:
        """Until what is told is what the exchange says, orders, positions and money."""
        told: Any = None
        said: Any = None

        async def look() -> bool:
            nonlocal told, said
            said = await asyncio.to_thread(self._said)
            told = await self._told()
            return bool(told == said)

        await self.until(look, "what is told is what the exchange says", lambda: f"told {told}\nsaid {said}")

    async def _told(self) -> State:
        async with self.desk.engine.connect() as connection:
            return await read_told(connection, self.desk.account_id)

    def _said(self) -> State:
        return read_said(self.exchange, self.exchange.keys["trading"])

    def accepted(self) -> Counter[str]:
        """How often the exchange accepted a create, by link id; from its own records."""
        asked: dict[int, str] = {}
        taken: Counter[str] = Counter()
        after = 0
        while (page := self.exchange.control("GET", f"/sim/truth?after={after}&limit=1000"))["records"]:
            after = page["next"]
            for record in page["records"]:
                assert record["what"] != "dropped"
                if record["what"] == "request" and record["path"] == "/v5/order/create":
                    asked[record["seq"]] = record["link_ids"][0]
                elif (
                    record["what"] == "reply" and record["processed"] and record["code"] == 0 and record["to"] in asked
                ):
                    taken[asked[record["to"]]] += 1
        return taken

    async def until(self, look: Callable[[], Any], what: str, more: Callable[[], str] = str) -> Any:
        deadline = time.monotonic() + _WITHIN_S
        while not (found := await look()):
            assert not self.worker.has_ended, self.worker.says()
            assert time.monotonic() < deadline, f"not within {_WITHIN_S:.0f} s: {what}\n{more()}\n{self.worker.says()}"
            await asyncio.sleep(0.1)
        return found


async def test_orders_exist_once_and_what_is_told_becomes_right_through_every_fault_of_a_network(
    engine: AsyncEngine, database_url: str, open_home: Path
) -> None:
    began_s = time.monotonic()
    async with World.open(engine, database_url, open_home) as world:
        proxy = world.proxy
        await world.until_ready()

        # Orders, while the stream only seems to be there. Once its silence is noticed its return is refused, then not
        # answered, and the reading that follows meets failures of its own.
        proxy.handshakes += ["handshake_502", "handshake_unanswered"]
        proxy.silence_streams()
        bought = await world.buy()
        ended = await asyncio.gather(*map(world.faulty, (*DELIVERED, *UNDELIVERED)))
        outcomes = {fault: one["state"] for fault, one in ended}
        assert outcomes == dict.fromkeys(DELIVERED, "acknowledged") | dict.fromkeys(UNDELIVERED, "not_placed")
        assert (await world.settled(bought))["state"] == "acknowledged"
        proxy.reads += ["bad_gateway", "truncated_body", "swallowed_reply"]
        await world.until(_really(lambda: proxy.struck["handshake_unanswered"]), "the stream came back thrice")
        await world.until_ready()
        await world.until_equal()
        assert not proxy.reads, "the reading met them all"

        # What the stream says comes seven seconds late, and then ends within a frame.
        proxy.stream_late_s = 7.0
        await world.settled(await world.buy())
        await world.until_equal()
        proxy.stream_late_s = 0.0
        proxy.cut_streams_within_a_frame()
        await world.settled(await world.buy())
        await world.until(_really(lambda: proxy.struck["stream_truncated"]), "the stream ended within a frame")
        await world.until_ready()
        await world.until_equal()
        accepted = await asyncio.to_thread(world.accepted)
        states = {link_id_of(one): (await world.intent(one))["state"] for one in world.placed}
    assert set(states.values()) <= _SEEN | _WITHOUT_EFFECT
    assert accepted == Counter(link for link, state in states.items() if state in _SEEN), "each once, and no other"
    kinds = (*DELIVERED, *UNDELIVERED, "handshake_502", "handshake_unanswered", "stream_late", "stream_truncated")
    assert all(proxy.struck[kind] for kind in (*kinds, "stream_half_open")), proxy.struck
    print(f"fault proxy: orders={len(states)} struck={dict(proxy.struck)} in {time.monotonic() - began_s:.0f} s")


def _really(look: Callable[[], object]) -> Callable[[], Any]:
    async def asked() -> object:
        return look()

    return asked
