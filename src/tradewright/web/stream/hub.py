"""What all browser connections share: the heartbeat, the look whether sessions still hold, the accounts' feed.

Lives here: `StreamHub`; run it once in each API process. Not here: one connection (`stream.connection`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog
from starlette.websockets import WebSocket

from tradewright.core.clock import milliseconds
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeError
from tradewright.identity.api_tokens import alive_tokens
from tradewright.identity.model import Principal
from tradewright.identity.sessions import alive_sessions, use_sessions
from tradewright.market.markets import MarketData
from tradewright.web.parts import WebParts
from tradewright.web.stream.accounts import AccountFeed
from tradewright.web.stream.connection import (
    CLOSE_OTHER_WORKSPACE,
    CLOSE_SESSION_ENDED,
    CLOSE_TRY_LATER,
    Connection,
    Feeds,
)
from tradewright.web.stream.messages import heartbeat_message
from tradewright.web.stream.news import NewsFeed
from tradewright.web.stream.runs import RunFeed, RunsFeed

log = structlog.get_logger(__name__)

HEARTBEAT_S = 5.0
HEALTH_LOOK_S = 0.25
SESSION_CHECK_S = 2.0  # an ended session's streams are closed within this and one query: the promise is 5 s
SESSION_USE_S = 300.0  # how often an open stream counts as use of its session: a write each time
MARKET_CLOCK_TIMEOUT_S = 1.0
SILENT_FOR_S = 3.0  # shorter than the pause of heartbeats, so that each of them asks again
RESTART_S = 1.0
CONNECTIONS_MAX = 256
CONNECTIONS_OF_SESSION_MAX = 24


class StreamHub:
    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._feeds = Feeds(
            accounts=AccountFeed(parts.engine, parts.bus),
            run_events=RunFeed(parts.engine, parts.bus, parts.run_slots),
            runs=RunsFeed(parts.engine, parts.bus, parts.run_slots, parts.clock),
            news=NewsFeed(parts.engine, parts.bus, parts.clock),
        )
        self._connections: set[Connection] = set()
        self._silent_until_s: dict[Environment, float] = {}  # exchanges that were too slow to tell the time
        self._asking: dict[Environment, asyncio.Lock] = {}

    def __len__(self) -> int:
        return len(self._connections)

    async def run(self) -> None:
        """Until cancelled; then every connection is told to come again."""
        try:
            async with asyncio.TaskGroup() as group:
                feeds = self._feeds
                for part in (
                    self._heartbeats,
                    self._session_checks,
                    feeds.accounts.run,
                    feeds.run_events.run,
                    feeds.runs.run,
                    feeds.news.run,
                ):
                    group.create_task(self._kept_running(part), name=f"stream.{part.__qualname__}")
        finally:
            for connection in self._connections:
                connection.close(1012, "the server is stopping; connect again")

    async def serve(self, websocket: WebSocket, principal: Principal) -> None:
        """Serves one accepted WebSocket until it ends."""
        connection = Connection(websocket, principal, self._parts, self._feeds)
        if not self._has_room_for(principal):
            connection.close(CLOSE_TRY_LATER, "too many connections; close some tabs")
        self._connections.add(connection)
        try:
            connection.put(await self._heartbeat())
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _has_room_for(self, principal: Principal) -> bool:
        of_session = Counter(each.principal.session_id for each in self._connections)[principal.session_id]
        return len(self._connections) < CONNECTIONS_MAX and of_session < CONNECTIONS_OF_SESSION_MAX

    async def _heartbeats(self) -> None:
        """Every five seconds, and at once when the link to an exchange changes: a trader must not learn it late."""
        told = self._link_states()
        due_s = self._parts.clock.monotonic() + HEARTBEAT_S
        while True:
            await self._parts.clock.sleep(HEALTH_LOOK_S)
            states = self._link_states()
            if states == told and self._parts.clock.monotonic() < due_s:
                continue
            told, due_s = states, self._parts.clock.monotonic() + HEARTBEAT_S
            message = await self._heartbeat()
            for connection in list(self._connections):
                connection.put(message)

    async def _heartbeat(self) -> str:
        markets = list(self._parts.markets.followed.values())
        times = await asyncio.gather(*(self._market_now_ms(market) for market in markets))
        return heartbeat_message(
            server_time_ms=milliseconds(self._parts.clock.now()),
            exchanges={market.environment: (market.health(), at) for market, at in zip(markets, times, strict=True)},
        )

    async def _market_now_ms(self, market: MarketData) -> int | None:
        """An exchange that does not answer must not hold up the sign that the server is there: one heartbeat waits for
        it, and whoever connects until the next one does not."""
        async with self._asking.setdefault(market.environment, asyncio.Lock()):  # one finds out for all
            if self._parts.clock.monotonic() < self._silent_until_s.get(market.environment, 0.0):
                return None
            try:
                async with asyncio.timeout(MARKET_CLOCK_TIMEOUT_S):
                    return await market.clock.now_ms()
            except TimeoutError:
                self._silent_until_s[market.environment] = self._parts.clock.monotonic() + SILENT_FOR_S
                return None
            except ExchangeError:
                return None

    def _link_states(self) -> dict[str, str]:
        return {name: market.health().state for name, market in self._parts.markets.followed.items()}

    async def _session_checks(self) -> None:
        """Whoever looks at the page uses it, though nothing else is asked of the server for hours."""
        used_at_s = self._parts.clock.monotonic()
        while True:
            await self._parts.clock.sleep(SESSION_CHECK_S)
            if not self._connections:
                continue
            wanted = {each.principal.session_id for each in self._connections if each.principal.token is None}
            tokens = {each.principal.session_id for each in self._connections if each.principal.token is not None}
            if self._parts.clock.monotonic() - used_at_s >= SESSION_USE_S:
                used_at_s = self._parts.clock.monotonic()
                async with self._parts.engine.begin() as database:
                    await use_sessions(database, wanted, self._parts.clock.now(), self._parts.session_limits)
            async with self._parts.engine.connect() as database:
                alive = await alive_sessions(database, wanted, self._parts.clock.now(), self._parts.session_limits)
                alive |= await alive_tokens(database, tokens, self._parts.clock.now())
            for connection in list(self._connections):
                session_id = connection.principal.session_id
                if session_id not in wanted | tokens:
                    continue
                if session_id not in alive:
                    connection.close(CLOSE_SESSION_ENDED, "the session has ended; log in")
                elif alive[session_id] != connection.principal.membership.workspace_id:
                    connection.close(CLOSE_OTHER_WORKSPACE, "the session is about another workspace now; connect again")

    async def _kept_running(self, part: Callable[[], Awaitable[None]]) -> None:
        """The edge of a task: whatever fails is logged and begun again, for the others must not end with it."""
        while True:
            try:
                await part()
            except Exception:
                log.exception("stream.part_failed")
            await self._parts.clock.sleep(RESTART_S)
