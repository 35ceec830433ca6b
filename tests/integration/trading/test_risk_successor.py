"""At the edge of every limit the owner is killed, and the next one, which knows only what is stored, refuses the same.

Limits, days, orders and positions are on PostgreSQL, the sessions are real and the exchange is the twin, whose log says
what it was asked. So that no refusal is for another reason, the same order goes once its limit is lifted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from contract.journal_worlds import BTC_RULES, make_home
from integration.trading.conftest import Desk, repeatable_read
from integration.trading.test_session import Office
from sim.exchange_ports import GatewayTwin, StreamTwin
from sim.facts import BTC, position
from tradewright.core.ids import IntentId
from tradewright.core.risk import LIMIT_NAMES
from tradewright.core.rule_parts import Quotes
from tradewright.lab.memory_risk import SetPrices, view_of
from tradewright.storage.bus import Bus
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.bodies import LeverageBody
from tradewright.trading.change_commands import submit_leverage
from tradewright.trading.checks import MarketView
from tradewright.trading.intent_queries import intent as intent_of_id
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.keeper import RiskKeeper
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.risk.store import PostgresRiskStore, set_limits
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.store import PostgresJournal

MARK = Decimal(60_000)
AT_ONCE = 4
WAIT_S = 60.0


class RiskOffice(Office):
    """Its process judges by what is stored. Nothing of a killed one is given to the next."""

    def __init__(self, desk: Desk, bus: Bus) -> None:
        super().__init__(desk)
        self.bus = bus
        self.prices = SetPrices(lambda: MARK)
        self.owner: AccountSession | None = None

    def start(self) -> None:
        clock, ids, account = SystemClock(), SystemIds(), self.desk.home.account
        exposure = Exposure()
        rule = RiskRule(exposure, self.prices, clock=clock)
        store = PostgresRiskStore(self.desk.engine, account)
        parts = SessionParts(
            account=account,
            gateway=GatewayTwin(self.wire, _alive),
            stream=StreamTwin(self.wire, _alive),
            journal=PostgresJournal(self.desk.engine, account, clock=clock, ids=ids),
            instrument_of=lambda instrument: BTC_RULES if instrument == BTC else None,
            clock=clock,
            ids=ids,
            rng=SystemRng(),
            evidence=EvidenceRule(),
            exposure=exposure,
            holdings=store.holdings,
            rules=[rule],
            companions=[RiskKeeper(exposure, rule, store, clock=clock, bus=self.bus)],
        )
        self.owner = AccountSession(parts)
        self.task = asyncio.create_task(self.owner.run())

    async def ready(self) -> None:
        """The owner may send, and it has the day."""
        await self.so(lambda: self.owner is not None and self.owner.state == "ready", "the owner is ready")
        await self.so(lambda: self.owner is not None and self.owner.exposure.held.day is not None, "it has the day")

    async def so(self, look: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not look():
            assert self.task is not None
            if self.task.done():
                self.task.result()
            assert time.monotonic() < deadline, f"not so within {WAIT_S} s: {what}"
            await asyncio.sleep(0.05)

    async def next_owner(self) -> None:
        await self.kill()
        self.start()
        await self.ready()

    async def limit(self, **own: Any) -> None:
        """What the account's own limits are from now on, as the page sets them."""
        async with self.desk.engine.begin() as connection:
            await set_limits(
                connection,
                level="account",
                workspace_id=self.desk.workspace_id,
                account_id=self.desk.account_id,
                values=own,
                removed=[name for name in LIMIT_NAMES if name not in own],
                user_id=self.desk.home.user_id,
                ip="127.0.0.1",
                clock=SystemClock(),
                ids=SystemIds(),
            )

    async def intent(self, intent_id: IntentId) -> dict[str, Any]:
        """All of it of one moment: its end and its reason are written together."""
        async with repeatable_read(self.desk.engine) as connection:
            found = await intent_of_id(connection, self.desk.workspace_id, self.desk.account_id, intent_id)
        assert found is not None
        return found

    async def placed(self, **fields: Any) -> IntentId:
        intent_id = await self.desk.place(**fields)
        self.wake()
        return intent_id

    def wake(self) -> None:
        """As the notification does."""
        assert self.owner is not None
        self.owner.wake()

    async def refused(self, intent_id: IntentId, limit: str) -> None:
        """By this limit, which is the account's own; and nothing of it was ever sent."""
        found = await self.until(intent_id, "refused", "not_sent", "rejected", "acknowledged", "working", "filled")
        assert found["status"] == "refused", found
        assert found["reason"]["code"] == f"risk.{limit}", found
        assert found["reason"]["params"]["level"] == "account", found["reason"]
        assert self.accepted(intent_id) == 0
        assert await self._requests_of(intent_id) == 0

    async def goes(self, intent_id: IntentId) -> None:
        await self.so(lambda: self.accepted(intent_id) == 1, "the exchange has accepted it")

    async def _requests_of(self, intent_id: IntentId) -> int:
        async with self.desk.engine.connect() as connection:
            counted = text("SELECT count(*) FROM requests WHERE intent_id = :intent")
            return int(await connection.scalar(counted, {"intent": intent_id}))

    async def book(self, *facts: Any) -> None:
        """As if the private stream had told it."""
        assert self.owner is not None
        await self.owner.journal.book(facts, "stream")


async def _alive(_name: str) -> None:
    return None


# How an account comes to the edge of a limit.

Step = Callable[[RiskOffice], Awaitable[None]]
Ask = Callable[[RiskOffice], Awaitable[IntentId]]


def an_order(quantity: str = "0.1", price: str = "50000") -> Ask:
    async def ask(office: RiskOffice) -> IntentId:
        return await office.placed(quantity=Decimal(quantity), price=Decimal(price))

    return ask


def a_leverage(leverage: int) -> Ask:
    async def ask(office: RiskOffice) -> IntentId:
        body = LeverageBody(id=IntentId(uuid4()), category="linear", symbol="BTCUSDT", leverage=Decimal(leverage))
        view = MarketView(instrument=BTC_RULES, quotes=Quotes(last=MARK))
        async with office.desk.asker() as asker:
            asked = await submit_leverage(asker, body, view)
        office.wake()
        return asked.intent_id

    return ask


async def nothing(_office: RiskOffice) -> None:
    return None


async def a_position(office: RiskOffice) -> None:
    await office.until(await office.placed(quantity=Decimal("0.5"), price=MARK), "filled")


async def an_open_order(office: RiskOffice) -> None:
    await office.until(await office.placed(quantity=Decimal("0.1"), price=Decimal(50_000)), "working")


async def the_next_answer_is_lost(office: RiskOffice) -> None:
    office.wire.next_command.append("reply_lost")


def realised(*told: tuple[int, str]) -> Step:
    async def step(office: RiskOffice) -> None:
        for sequence, profit in told:
            await office.book(
                position(
                    "0",
                    side=None,
                    entry_price=None,
                    sequence=sequence,
                    realised_pnl=Decimal(profit),
                    updated_at=SystemClock().now(),
                )
            )

    return step


def leverage_set_elsewhere(leverage: int) -> Step:
    async def step(office: RiskOffice) -> None:
        office.exchange.set_leverage(BTC, Decimal(leverage), office.exchange.clock.now())
        assert office.owner is not None
        await office.owner.read_position(BTC)

    return step


def aged(**ages_s: float) -> Step:
    async def step(office: RiskOffice) -> None:
        office.prices.views[BTC] = view_of(MARK, **ages_s)

    return step


@dataclass(frozen=True, kw_only=True)
class Edge:
    """`limits`: the account's own. After `reach` the order `fits` goes, after `cross` the order `over` does not."""

    limit: str
    limits: dict[str, Any]
    over: Ask
    reach: Step = nothing
    fits: Ask | None = field(default_factory=an_order)
    cross: Step = nothing


def edge(limit: str, own: Any, **fields: Any) -> Edge:
    return Edge(limit=limit, limits={limit: own}, **fields)


EDGES = {
    "order_notional": edge("order_notional", Decimal(6_000), over=an_order("0.101")),
    "position_notional": edge(
        "position_notional", Decimal(60_000), reach=a_position, fits=an_order("0.5"), over=an_order("0.001")
    ),
    "total_notional": edge(
        "total_notional", Decimal(60_000), reach=a_position, fits=an_order("0.5"), over=an_order("0.001")
    ),
    "open_orders": edge("open_orders", Decimal(2), reach=an_open_order, over=an_order()),
    "open_orders, one of unknown outcome": edge(
        "open_orders", Decimal(1), reach=the_next_answer_is_lost, over=an_order()
    ),
    "position_notional, its order of unknown outcome": edge(
        "position_notional",
        Decimal(30_000),
        reach=the_next_answer_is_lost,
        fits=an_order("0.5"),
        over=an_order("0.001"),
    ),
    "orders_per_minute": edge("orders_per_minute", Decimal(2), reach=an_open_order, over=an_order()),
    "price_distance": edge(
        "price_distance", Decimal(1), fits=an_order("0.001", "60600"), over=an_order("0.001", "60600.1")
    ),
    "daily_loss": edge(
        "daily_loss",
        Decimal(1),
        reach=realised((98, "0"), (99, "-1000")),
        cross=realised((100, "-1000.01")),
        over=an_order(),
    ),
    "leverage": edge(
        "leverage",
        Decimal(20),
        reach=leverage_set_elsewhere(20),
        cross=leverage_set_elsewhere(21),
        over=an_order(),
    ),
    "leverage, to be set": edge("leverage", Decimal(20), fits=None, over=a_leverage(21)),
    "data_age": edge("data_age", Decimal(5), reach=aged(link_age_s=5.0), cross=aged(link_age_s=5.001), over=an_order()),
    "quote_age": edge(
        "quote_age", Decimal(5), reach=aged(quote_age_s=5.0), cross=aged(quote_age_s=5.001), over=an_order()
    ),
    "symbols": edge("symbols", frozenset({"ETHUSDT"}), fits=None, over=an_order()),
}


def test_no_limit_is_without_its_edge() -> None:
    assert {each.limit for each in EDGES.values()} == set(LIMIT_NAMES)


async def scene(office: RiskOffice, at: Edge) -> None:
    await office.limit(**at.limits)
    office.start()
    await office.ready()
    await at.reach(office)
    if at.fits is not None:
        await office.goes(await at.fits(office))
    await at.cross(office)
    await office.refused(await at.over(office), at.limit)
    await office.next_owner()
    await office.refused(await at.over(office), at.limit)
    await office.limit()
    await office.until(await at.over(office), "acknowledged", "working", "filled")


async def test_at_each_edge_the_next_owner_refuses_what_the_killed_one_refused_until_the_limit_is_lifted(
    database_url: str,
) -> None:
    """Each on an account of its own, and a few at once: most of a scene is waiting."""
    at_once = asyncio.Semaphore(AT_ONCE)
    clock, ids = SystemClock(), SystemIds()
    engine = create_engine(database_url, pool_size=12)
    bus = Bus(database_url, rng=SystemRng(), poll_s=3600)  # only real notifications
    await bus.start()

    async def play(case: str, number: int) -> None:
        home = await make_home(engine, ids, clock, uid=str(number))
        desk = Desk(engine, home, PostgresJournal(engine, home.account, clock=clock, ids=ids))
        office = RiskOffice(desk, bus)
        try:
            async with at_once:
                await scene(office, EDGES[case])
        except BaseException as error:
            error.add_note(f"at the edge of {case}")
            raise
        finally:
            if office.task is not None:
                await office.kill()

    async with asyncio.TaskGroup() as scenes:
        for number, case in enumerate(EDGES, start=1):
            scenes.create_task(play(case, number))
    await bus.close()
    await engine.dispose()
