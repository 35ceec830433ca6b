"""At each command of a real worker, a second connection to PostgreSQL sees what is asked for before the exchange does.

Between the worker and the real simulated exchange stands a proxy: when the whole of a command has come, and before a
byte of it goes on, it asks the database whether its intent and an open request of it are committed (promise A2). What
the kill switch does may be written down beside a database that is too busy to answer it: then in its spool.
Not here: that they stay after the machine's end (`fsync`, which the embedded server has on and the tests' has not).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from campaigns.processes import ExchangeAt, WorkerProcess, exchange_at
from contract.journal_worlds import BTC_RULES, make_home
from integration.trading.conftest import Desk
from support.fault_proxy import FaultProxy, serving
from support.sim_client import SimClient
from tradewright.core.ids import IntentId, OrderId, link_id_of
from tradewright.core.order import Exit, OrderChange, PositionExits, Trigger
from tradewright.core.rule_parts import Quotes
from tradewright.installation import write_exchange_ready
from tradewright.system import SystemClock, SystemIds
from tradewright.trading import queries
from tradewright.trading.bodies import (
    AmendBody,
    CancelAllBody,
    CloseBody,
    ExitsBody,
    LeverageBody,
    MarginModeBody,
    PositionModeBody,
    ReverseBody,
)
from tradewright.trading.change_commands import (
    submit_amend,
    submit_cancel_all,
    submit_exits,
    submit_leverage,
    submit_margin_mode,
    submit_position_mode,
)
from tradewright.trading.checks import MarketView
from tradewright.trading.commands import submit_close, submit_reverse
from tradewright.trading.intent_queries import intent as intent_of_id
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Scope
from tradewright.trading.kill.pulling import KillDesk
from tradewright.trading.store import PostgresJournal

_WITHIN_S = 120.0  # a busy machine; on an idle one each wait is of a second
_LOW, _LOWER, _HIGH = Decimal(20_000), Decimal(19_000), Decimal(200_000)  # far from the market
_BTC = {"category": "linear", "symbol": "BTCUSDT"}
_RESTING = 14  # more cancels at once than go one by one: the others go in a batch, and a kill sweeps them
_COMMANDS = {
    "/v5/order/create",
    "/v5/order/cancel",
    "/v5/order/amend",
    "/v5/order/cancel-batch",
    "/v5/order/cancel-all",
    "/v5/position/set-leverage",
    "/v5/position/trading-stop",
    "/v5/position/switch-mode",
    "/v5/account/set-margin-mode",
}
_OPEN_REQUESTS = text(
    "SELECT r.kind, r.attempt, i.source, i.state, i.link_id, i.symbol, i.leverage, i.hedge, i.margin_mode,"
    " o.exchange_order_id AS target, t.link_id AS target_link"
    " FROM requests r JOIN intents i ON i.id = r.intent_id"
    " LEFT JOIN orders o ON o.id = i.target_id LEFT JOIN intents t ON t.id = i.target_id"
    " WHERE r.outcome IS NULL AND i.state = 'sending'"
)


class WitnessProxy(FaultProxy):
    """`seen` counts the commands by path, with `attempt 2` for one that was sent again and `source …` for whose it was,
    `spooled` for what was in the kill's spool; `unwritten` are those that were nowhere. `slow_s` is the
    way of a single cancel."""

    def __init__(self, exchange: ExchangeAt, witness: AsyncConnection, spool: Path) -> None:
        super().__init__(exchange.ready["rest"], exchange.ready["ws_private"])
        self._exchange = exchange
        self._witness = witness
        self._spool = spool
        self._turn = asyncio.Lock()
        self.slow_s = 0.0
        self.seen: Counter[str] = Counter()
        self.unwritten: list[str] = []

    async def meets(self, method: str, path: str, body: bytes) -> None:
        if method != "POST":
            return
        self.seen[path] += 1
        spooled = await asyncio.to_thread(self._spooled)
        rows = await self._open_requests()  # afterwards: what was taken out of the spool meanwhile is here by now
        asked = json.loads(body)
        for item in await self._items(path, asked):
            found = [row for row in rows if _is_of(row, path, item)]
            self.seen += Counter(
                {f"source {row.source}" for row in found} | {f"attempt {row.attempt}" for row in found}
            )
            if not found and spooled & {item.get("orderId"), item.get("orderLinkId")}:
                self.seen["spooled"] += 1
            elif not found:
                self.unwritten.append(f"{path} {item} has come, and open are {rows}, spooled {spooled}")
        if path == "/v5/order/cancel":
            await asyncio.sleep(self.slow_s)

    async def _open_requests(self) -> Sequence[Row[Any]]:
        async with self._turn:
            return (await self._witness.execute(_OPEN_REQUESTS)).all()

    def _spooled(self) -> set[str]:
        """What the kill's acts in the spool are about: the exchange's ids of cancels, the client's of closes."""
        texts = []
        for pattern in ("*.jsonl", "*.taken"):  # in the order in which a file is renamed
            for path in sorted(self._spool.glob(pattern)):
                with contextlib.suppress(FileNotFoundError):
                    texts.append(path.read_text())
        lines = [json.loads(line) for content in texts for line in content.splitlines()]
        cancels = {line["exchange_order_id"] for line in lines if line["type"] == "cancel"}
        return cancels | {link_id_of(IntentId(UUID(line["act_id"]))) for line in lines if line["type"] == "close"}

    async def _items(self, path: str, asked: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """Each of what a command asks for. A sweep names nothing: it means all that are in the book."""
        if path == "/v5/order/cancel-batch":
            return list(asked["request"])
        if path != "/v5/order/cancel-all":
            return [asked]
        usdt = {"category": asked["category"], "settleCoin": "USDT"}
        pair = self._exchange.keys["trading"]
        orders = await asyncio.to_thread(self._exchange.rows, pair, "/v5/order/realtime", **usdt)
        return [order for order in orders if not order["stopOrderType"] and not Decimal(order["triggerPrice"] or 0)]


def _is_of(row: Row[Any], path: str, asked: dict[str, Any]) -> bool:
    """Whether this open request is the one that has come."""
    match path:
        case "/v5/order/create":
            return row.kind == "place" and row.link_id == asked["orderLinkId"]
        case "/v5/order/cancel" | "/v5/order/cancel-batch" | "/v5/order/cancel-all" | "/v5/order/amend":
            names = {name for name in (asked.get("orderId"), asked.get("orderLinkId")) if name}
            kind = "amend" if path == "/v5/order/amend" else "cancel"
            return row.kind == kind and bool(names & {row.target, row.target_link})
        case "/v5/position/set-leverage":
            is_that = row.leverage == Decimal(asked["buyLeverage"]) == Decimal(asked["sellLeverage"])
            return row.kind == "leverage" and row.symbol == asked["symbol"] and is_that
        case "/v5/position/trading-stop":
            return row.kind == "exits" and row.symbol == asked["symbol"]
        case "/v5/position/switch-mode":
            return row.kind == "position_mode" and row.hedge == (asked["mode"] == 3)
        case "/v5/account/set-margin-mode":
            return row.kind == "margin_mode" and row.margin_mode == asked["setMarginMode"]
        case _:
            return False


class World:
    def __init__(
        self,
        desk: Desk,
        exchange: ExchangeAt,
        proxy: WitnessProxy,
        worker: WorkerProcess,
        home: Path,
        by_hand: SimClient,
    ) -> None:
        self.desk = desk
        self.exchange = exchange
        self.proxy = proxy
        self.worker = worker
        self.kill = KillDesk(LatchFolder(home / "kill"), home / "run" / "worker.sock", SystemClock(), SystemIds())
        self.by_hand = by_hand  # the same account past us
        last = Decimal(exchange.read(exchange.keys["trading"], "/v5/market/tickers", **_BTC)["list"][0]["lastPrice"])
        self.view = MarketView(instrument=BTC_RULES, quotes=Quotes(last=last, mark=last, bid=last, ask=last))

    @classmethod
    @asynccontextmanager
    async def open(cls, engine: AsyncEngine, url: str, home: Path) -> AsyncIterator[World]:
        limits = ("--limit-factor", "0", "--ip-limit", "0")
        with exchange_at(home / "exchange", *limits) as exchange:
            async with (
                engine.connect() as plain,
                serving(WitnessProxy(exchange, await _at_once(plain), home / "spool")) as proxy,
                aiohttp.ClientSession() as http,
            ):
                seen = {**exchange.ready, "rest": proxy.rest, "ws_private": proxy.stream}
                write_exchange_ready(home / "exchange/ready.json", "Simulated", seen)
                owned = await make_home(engine, SystemIds(), SystemClock(), uid=exchange.uid)
                journal = PostgresJournal(engine, owned.account, clock=SystemClock(), ids=SystemIds())
                by_hand = SimClient.at(exchange.ready["rest"], http, **exchange.keys["trading"])
                worker = WorkerProcess(home, url, {})
                try:
                    yield cls(Desk(engine, owned, journal), exchange, proxy, worker, home, by_hand)
                finally:
                    worker.kill()

    async def until_ready(self) -> None:
        async def look() -> bool:
            async with self.desk.engine.connect() as connection:
                (account,) = await queries.accounts(connection, self.desk.workspace_id)
            return str(account["session"]["state"]) == "ready"

        await self.until(look, "the account is ready")

    async def limit(self, price: Decimal = _LOW, **changes: Any) -> IntentId:
        """An order that rests, once it does."""
        return await self.placed("working", quantity=Decimal("0.001"), price=price, **changes)

    async def buy(self, **changes: Any) -> IntentId:
        market = {"order_type": "Market", "price": None, "time_in_force": "IOC", "slippage_percent": Decimal("0.5")}
        return await self.placed("filled", quantity=Decimal("0.004"), **market, **changes)

    async def placed(self, state: str, **fields: Any) -> IntentId:
        submitted = await self.desk.submit(self.desk.body(**fields), reference_price=self.view.quotes.last)
        await self.until(lambda: self._is_in(submitted.intent_id, state), f"{submitted.intent_id} is {state}")
        return submitted.intent_id

    async def _is_in(self, intent_id: IntentId, state: str) -> bool:
        async with self.desk.engine.connect() as connection:
            return (
                await connection.scalar(
                    text("SELECT state FROM orders WHERE link_id = :link"), {"link": link_id_of(intent_id)}
                )
                == state
            )

    async def done(self, submit: Callable[..., Awaitable[Any]], body: Any, *view: MarketView) -> None:
        """Asked for, and answered as asked."""
        async with self.desk.asker() as asker:
            await submit(asker, body, *view)

        async def look() -> bool:
            found = await self.desk.read(intent_of_id, body.id)
            assert found["state"] not in ("refused", "rejected", "expired", "not_placed"), found
            return bool(found["settled"])

        await self.until(look, f"{body} is done")

    async def count(self, what: str) -> int:
        async with self.desk.engine.connect() as connection:
            return int(await connection.scalar(text(f"SELECT count(*) FROM {what}")) or 0)

    async def until_none(self, what: str) -> None:
        async def look() -> bool:
            return not await self.count(what)

        await self.until(look, f"none is left of {what}")

    async def until(self, look: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + _WITHIN_S
        while not await look():
            assert not self.worker.has_ended, self.worker.says()
            assert time.monotonic() < deadline, f"not within {_WITHIN_S:.0f} s: {what}\n{self.worker.says()}"
            await asyncio.sleep(0.05)


_WORKING = "orders WHERE state = 'working'"
_HELD = "positions WHERE size <> 0"


async def test_at_each_send_of_a_real_worker_the_database_has_the_intent_and_its_open_request(
    engine: AsyncEngine, database_url: str, open_home: Path
) -> None:
    async with World.open(engine, database_url, open_home) as world:
        view = world.view
        await world.until_ready()

        # Settings of an account that has nothing yet.
        for hedge in (True, False):
            await world.done(submit_position_mode, PositionModeBody(id=_new(), **_linear(), hedge=hedge), view)
        for mode in ("ISOLATED_MARGIN", "REGULAR_MARGIN"):
            await world.done(submit_margin_mode, MarginModeBody(id=_new(), mode=mode))
        await world.done(submit_leverage, LeverageBody(id=_new(), **_linear(), leverage=Decimal(7)), view)

        # Orders: one is changed and cancelled, one waits for a price, one has to be sent twice.
        resting = await world.limit()
        change = OrderChange(price=_LOWER, quantity=Decimal("0.002"))
        await world.done(submit_amend, AmendBody(id=_new(), order_id=OrderId(resting), change=change), view)
        await world.desk.cancel(resting)
        await world.until_none(_WORKING)
        await world.placed(
            "waiting_trigger",
            quantity=Decimal("0.001"),
            price=_HIGH,
            trigger=Trigger(price=_HIGH, by="LastPrice", rises=True),
        )
        fault = {"kind": "ret_code", "code": 10006, "path": "/v5/order/create", "reset_ms": 200, "count": 1}
        await asyncio.to_thread(world.exchange.control, "POST", "/sim/faults", fault)
        await world.limit()

        # A position with its stop: moved, taken away by somebody else and put back by the guardian, halved, turned.
        await world.buy(stop_loss=Exit(trigger_price=_LOW))
        exits = PositionExits(stop_loss=_LOWER, take_profit=_HIGH)
        await world.done(submit_exits, ExitsBody(id=_new(), **_linear(), exits=exits), view)
        before = world.proxy.seen["/v5/position/trading-stop"]
        await world.by_hand.post("/v5/position/trading-stop", **_BTC, stopLoss="0", positionIdx=0)

        async def repaired() -> bool:
            return world.proxy.seen["/v5/position/trading-stop"] > before

        await world.until(repaired, "the guardian puts the stop back")
        half = CloseBody(
            id=_new(), **_linear(), side="Buy", percent=Decimal(50), price=None, slippage_percent=Decimal("0.5")
        )
        await world.done(submit_close, half, view)
        await world.until_none(f"{_HELD} AND size <> 0.002")
        turn = ReverseBody(id=_new(), **_linear(), side="Buy", size=Decimal("0.002"))
        await world.done(submit_reverse, turn, view)

        # Many cancels at once, and a kill of as many.
        for _ in range(_RESTING):
            await world.limit()
        world.proxy.slow_s = 2.0  # the first are still under way when the last comes
        async with world.desk.asker() as asker:
            await submit_cancel_all(asker, CancelAllBody(id=uuid4(), category=None, symbol=None, conditional=False))
        await world.until_none(_WORKING)
        world.proxy.slow_s = 0.0
        for _ in range(_RESTING):
            await world.limit()
        scope = Scope("account", world.desk.account_id)
        pulled = await world.kill.pull(scope, close_positions=True, by=None, via="cli")
        assert pulled.reached == "worker"
        await world.until_none("orders WHERE state IN ('working', 'waiting_trigger')")
        await world.until_none(_HELD)
        seen, unwritten = world.proxy.seen, world.proxy.unwritten

    print(f"each send is written down: {dict(seen)}")
    assert not unwritten, "\n".join(unwritten)
    assert {path for path in seen if path.startswith("/")} == _COMMANDS, "each kind was sent, and no other"
    assert seen["attempt 2"]
    assert seen["source kill"] + seen["spooled"] > _RESTING
    assert seen["source guardian"]


async def _at_once(connection: AsyncConnection) -> AsyncConnection:
    """Each read of it sees what is committed by then."""
    return await connection.execution_options(isolation_level="AUTOCOMMIT")


def _linear() -> dict[str, Any]:
    return {"category": "linear", "symbol": "BTCUSDT"}


def _new() -> IntentId:
    return IntentId(uuid4())
