"""One exchange's parts, and the wires between them.

Lives here: `Parts`. Not here: what any part does, and in which order an exchange begins and ends (`server`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import structlog
from aiohttp import web

from tradewright.simulator.accounts.events import Entry, Together
from tradewright.simulator.accounts.folders import ACCOUNTS_FOLDER, open_account
from tradewright.simulator.accounts.keys import KeyRing, make_keys
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.control.endpoints import ControlEndpoints
from tradewright.simulator.control.motion import Motion
from tradewright.simulator.environments import environment_of
from tradewright.simulator.faults.bent_market import BentMarket
from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.calls import CallGate
from tradewright.simulator.faults.desk import FaultDesk
from tradewright.simulator.faults.maintenance import status_rows
from tradewright.simulator.faults.plan import drawn
from tradewright.simulator.faults.sockets import SOCKETS, SocketGate
from tradewright.simulator.faults.truth import TruthLog
from tradewright.simulator.faults.visibility import Visibility
from tradewright.simulator.faults.wall import SkewedWall
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.ledger import Outcome, Surroundings
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.members import Member, Members
from tradewright.simulator.rest.account import AccountEndpoints
from tradewright.simulator.rest.asset import AssetEndpoints
from tradewright.simulator.rest.batch import BatchEndpoints
from tradewright.simulator.rest.borrowing import BorrowingEndpoints
from tradewright.simulator.rest.dcp import PRODUCTS, DcpEndpoints, DcpSettings
from tradewright.simulator.rest.demo_money import DemoMoney
from tradewright.simulator.rest.limits import IpLimit, RateLimits, door
from tradewright.simulator.rest.margins import MarginEndpoints
from tradewright.simulator.rest.market import MarketEndpoints
from tradewright.simulator.rest.past import PastEndpoints
from tradewright.simulator.rest.position import PositionEndpoints
from tradewright.simulator.rest.server import BODY_BYTES_MAX, RestServer
from tradewright.simulator.rest.settings import SettingEndpoints
from tradewright.simulator.rest.terms import TermEndpoints
from tradewright.simulator.rest.trade import TradeEndpoints
from tradewright.simulator.rest.user import UserEndpoints
from tradewright.simulator.streams.connections import Connections
from tradewright.simulator.streams.dcp import DcpWatch
from tradewright.simulator.streams.outbox import Outbox
from tradewright.simulator.streams.private import PrivateStream
from tradewright.simulator.streams.public import PublicStream
from tradewright.simulator.streams.telling import messages_of
from tradewright.simulator.streams.trade import TradeStream

log = structlog.get_logger()

NewId = Callable[[], str]
Funds = Iterable[tuple[str, Decimal]]  # coin and amount


class Parts:
    """One exchange's parts and the wires between them."""

    def __init__(
        self,
        config: SimulatorConfig,
        market: BentMarket,
        wall_ms: SkewedWall,
        truth: TruthLog,
        new_id: NewId,
        stop: contextlib.AsyncExitStack,
    ) -> None:
        self._config = config
        self._new_id = new_id
        self._stop = stop
        self._wall_ms = wall_ms
        self._truth = truth
        self._started_ms = wall_ms()
        self._loop = asyncio.get_running_loop()
        self._visibility = Visibility()
        self._faults = Faults(now_ms=wall_ms.true_ms, truth=truth, seed=config.fault_seed or 0)
        self._sockets = SocketGate(self._faults)
        self._gate = CallGate(self._faults, self._visibility, wall_ms=wall_ms)
        self._limits = RateLimits(factor=config.limit_factor)
        self._connections = Connections(
            wall_ms=wall_ms.true_ms,
            new_max=config.new_connections if config.ip_limit else 0,  # an address without limits opens what it likes
            public_max=config.public_connections,
        )
        self._dcp = DcpSettings()
        self._dcp_watch = DcpWatch(self._dcp, self._cancel_for_absent)
        self._environment = environment_of(config.environment)
        self.broken: asyncio.Future[None] = self._loop.create_future()
        self.members = Members()
        self.venue = Venue(market, wall_ms=wall_ms)
        self.public = PublicStream(
            market,
            self.venue.specs,
            self._connections,
            wall_ms=wall_ms,
            notices=self.notices,
            premium=self.venue.premium,
        )
        self.motion = Motion(self.venue, self.public, wall_ms=wall_ms)
        self._private = PrivateStream(
            self.members,
            topics=self._environment.private_topics,
            connections=self._connections,
            dcp=self._dcp_watch,
            wall_ms=wall_ms,
            true_ms=wall_ms.true_ms,
        )
        self._trade = TradeStream(
            self.members,
            limits=self._limits,
            connections=self._connections,
            gate=self._gate,
            has_flood_limits=config.ip_limit > 0,
            wall_ms=wall_ms,
        )
        self.outbox = Outbox(self._private.deliver, self._faults)
        self.desk = FaultDesk(
            self._faults,
            self._sockets,
            venue=self.venue,
            market=market,
            wall=wall_ms,
            show_orders=self._show_orders,
        )

    def join(self, keys: KeyRing, event_log: EventLog, funds: Funds) -> Member:
        """Take an account in. Its very first time pays money in; every other one finishes what was left."""
        engine = Engine(
            venue=self.venue,
            log=event_log,
            around=Surroundings(
                wall_ms=self._wall_ms,
                new_id=self._new_id,
                later=self._later,
                tell=lambda outcome: self._tell(member, account, outcome),
            ),
            order_delay_ms=self._config.order_delay_ms,
            partial_fills=self._config.partial_fills,
            queue=self._config.queue,
        )
        account = AccountEndpoints(engine)
        environment = self._environment
        trading = TradeEndpoints(
            engine, self._visibility, started_ms=self._started_ms, memory_ms=environment.order_memory_ms
        )
        endpoints = [
            *trading.all(),
            *BatchEndpoints(trading, categories=environment.batch_categories).all(),
            *account.all(),
            *PositionEndpoints(engine).all(),
            *PastEndpoints(engine).all(),
            *SettingEndpoints(engine, self._dcp, uid=keys.uid, started_ms=self._started_ms).all(),
            *TermEndpoints(engine).all(),
            *MarginEndpoints(engine).all(),
            *BorrowingEndpoints(engine).all(),
            *AssetEndpoints(engine, uid=keys.uid).all(),
            *UserEndpoints().all(),
            *DcpEndpoints(self._dcp).all(),
            *(DemoMoney(engine).all() if environment.gives_money else []),
        ]
        shaped = {(one.method, one.path): environment.shape(one) for one in endpoints}
        member = Member(keys=keys, log=event_log, engine=engine, endpoints=shaped)
        self.members.add(member)
        event_log.heard = lambda entries: self._note(keys.uid, entries)
        if event_log.entries:
            engine.resume()
        else:
            engine.fund(funds)
        return member

    def add_account(self, funds: Funds) -> Member:
        """Open another account with keys of its own. Raises `OSError` where its folder cannot be written."""
        keys = make_keys()
        while self.members.by_uid(keys.uid) is not None:
            keys = make_keys()
        state = self._config.state
        if state is None:
            event_log = EventLog(None)
        else:
            keys, event_log = open_account(state / ACCOUNTS_FOLDER / keys.uid, keys)
        self._stop.callback(event_log.close)
        return self.join(keys, event_log, funds)

    def application(self) -> web.Application:
        rest = RestServer(
            MarketEndpoints(self.venue, self.public.told_books, notices=self.notices).all(),
            members=self.members,
            gate=self._gate,
            limits=self._limits,
            wall_ms=self._wall_ms,
        )
        control = ControlEndpoints(
            market=self.venue.market,
            motion=self.motion,
            desk=self.desk,
            truth=self._truth,
            members=self.members,
            add_account=self.add_account,
            wall_ms=self._wall_ms,
        )
        ip_limit = IpLimit(most=self._config.ip_limit, ban_ms=self._config.ip_ban_s * 1_000)
        application = web.Application(
            client_max_size=BODY_BYTES_MAX, middlewares=[door(ip_limit, self._wall_ms.true_ms)]
        )
        application[SOCKETS] = self._sockets
        control.add_to(application)
        self.public.add_to(application)
        application.router.add_get("/v5/private", self._private.serve)
        if self._environment.takes_orders_by_stream:
            application.router.add_get("/v5/trade", self._trade.serve)
        application.router.add_route("*", "/{path:.*}", rest.serve)
        return application

    def begin_faults(self, stop: contextlib.AsyncExitStack) -> None:
        """Let the seed's faults begin, if there is one; all faults are the first to end."""
        stop.callback(self._gate.close)
        stop.callback(self.desk.close)
        if self._config.fault_seed is not None:
            self.desk.begin(drawn(self._config.fault_seed, self.venue.specs))

    def notices(self) -> list[dict[str, Any]]:
        """The rows of system/status."""
        return status_rows(self._faults, skew_ms=self._wall_ms.skew_ms)

    async def say_goodbye(self) -> None:
        await asyncio.gather(self.public.close(), self._private.close(), self._trade.close())

    def watch(self) -> None:
        """Look after those who are connected, and those who are not any more; by true time."""
        now_ms = self._wall_ms.true_ms()
        self._dcp_watch.check(now_ms=now_ms)
        self._connections.cut_idle(now_ms=now_ms)

    def _cancel_for_absent(self, uid: str, product: str) -> None:
        member = self.members.by_uid(uid)
        assert member is not None, f"account {uid} has armed {product}"
        for category in PRODUCTS[product]:
            member.engine.cancel_all(category, cancel_type="CancelByDCP")

    def _note(self, uid: str, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._truth.record("account", {"uid": uid, "entry": entry})

    def _later(self, delay_ms: int, call: Callable[[], None]) -> None:
        self._loop.call_later(delay_ms / 1000, self._guarded, call)

    def _guarded(self, call: Callable[[], None]) -> None:
        """What fails in a timer has no caller to tell: the whole exchange is broken then."""
        try:
            call()
        except Exception as error:
            log.exception("exchange.broken")
            if not self.broken.done():
                self.broken.set_exception(error)

    def _show_orders(self) -> int:
        shown = self._visibility.show_all()
        self.outbox.hasten(frozenset(shown))
        return len(shown)

    def _tell(self, member: Member, account: AccountEndpoints, outcome: Outcome) -> None:
        """Each order's messages wait for its own moment: the usual delay, or until it may be seen."""
        order_id = _order_of(outcome)
        hidden_ms = self._visibility.hidden_ms(order_id, now_ms=self._wall_ms())
        delay_ms, uid = max(outcome.delay_ms, hidden_ms), member.uid
        # Most bots listen to a few topics, and what leaves at once is not made for nobody. What is to wait is made
        # anyhow: somebody may have come by then.
        leaves_now = not delay_ms and self.outbox.sends_at_once(order_id)
        if leaves_now and not self._private.is_there(uid):
            return
        messages = messages_of(
            outcome,
            member.engine,
            account.wallet,
            uid=uid,
            is_heard=lambda topic: not leaves_now or self._private.is_heard(uid, topic),
        )
        self.outbox.send(messages, order_id=order_id, delay_s=delay_ms / 1000)


def _order_of(outcome: Outcome) -> str:
    """The order a batch is about; "" for batches about none. Batches of several are about orders that end together."""
    event = outcome.entries[0].event
    if isinstance(event, Together):
        return event.moves[0].order_id if event.moves else event.parent_id
    return getattr(event, "order_id", "")
