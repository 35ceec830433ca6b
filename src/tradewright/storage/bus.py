"""The bus: hints between processes, on LISTEN/NOTIFY, with a poll behind it.

Lives here: `Bus`, one connection of its own that listens; `Subscription`; `notify`, which speaks inside the caller's
transaction. Not here: the durable rows that a hint points to. A notification is a hint and may be lost: whoever
subscribes reads its rows on every wake-up, and a wake-up without payload comes each second and after each reconnect.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Rng
from tradewright.core.errors import AppError
from tradewright.storage.engine import driver_url

log = structlog.get_logger(__name__)

POLL_S = 1.0
_QUEUE_MAX = 10_000  # beyond it the oldest hints go and one wake-up without payload stands for them all
_RECONNECT_S_MAX = 5.0
_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


async def notify(connection: AsyncConnection, channel: str, payload: str) -> None:
    """Tell the channel's listeners once the caller's transaction commits; nothing is told if it rolls back.

    `payload` is at most 7999 bytes (PostgreSQL's limit): ids, never data.
    """
    await connection.execute(_NOTIFY, {"channel": channel, "payload": payload})


class SubscriptionClosed(AppError):
    """The subscription, or the whole bus, was closed while somebody waited on it."""

    code = "bus.closed"


class Subscription:
    """The hints of one channel, for one reader: a payload, or None for "read your rows" (poll, reconnect, overflow)."""

    def __init__(self, channel: str, bus: Bus) -> None:
        self.channel = channel
        self._bus = bus
        self._hints: deque[str | None] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    async def get(self, timeout: float | None = None) -> str | None:
        """The next hint, waiting at most `timeout` seconds; after that None, as from the poll.

        Raises `SubscriptionClosed` once it is closed.
        """
        if not self._hints:
            if self._closed:
                raise SubscriptionClosed(f"the subscription to {self.channel} is closed")
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):  # not wait_for: until Python 3.12 it may swallow a cancel
                    await self._arrived.wait()
            except TimeoutError:
                return None
            if not self._hints:
                raise SubscriptionClosed(f"the subscription to {self.channel} is closed")
        return self._hints.popleft()

    def poll(self) -> bool:
        """Takes a hint that waits, without waiting; whether there was one."""
        if not self._hints:
            return False
        self._hints.popleft()
        return True

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> str | None:
        try:
            return await self.get()
        except SubscriptionClosed:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Ends it; hints that wait unread are dropped."""
        self._bus._forget(self)
        self._closed = True
        self._hints.clear()
        self._arrived.set()

    def _put(self, hint: str | None) -> None:
        if hint is None and self._hints and self._hints[-1] is None:
            return  # a second "read your rows" says nothing new
        if len(self._hints) >= _QUEUE_MAX:
            self._hints.clear()
            hint = None
        self._hints.append(hint)
        self._arrived.set()


class Bus:
    """Listens on a connection of its own and hands hints to subscriptions; reconnects for as long as it is started.

    `url` must reach the server itself: a transaction pooler does not carry LISTEN.
    """

    def __init__(self, url: str, *, rng: Rng, poll_s: float = POLL_S) -> None:
        self._dsn = driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._rng = rng
        self._poll_s = poll_s
        self._subscriptions: list[Subscription] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._listened: set[str] = set()
        self._changed = False  # the set of subscribed channels, since the last LISTEN
        self._wake = asyncio.Event()
        self._connected = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether hints arrive at once; when not, the poll alone carries them."""
        return self._connected.is_set()

    async def start(self) -> None:
        """Start listening and polling. Returns when connected, or after a second without: the poll works meanwhile."""
        assert not self._tasks, "the bus is started once"
        self._tasks = [
            asyncio.create_task(self._listen(), name="bus.listen"),
            asyncio.create_task(self._poll(), name="bus.poll"),
        ]
        try:
            async with asyncio.timeout(1.0):
                await self._connected.wait()
        except TimeoutError:
            log.warning("bus.not_connected_yet")

    async def close(self) -> None:
        """Stop both tasks, end every subscription, close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._connected.clear()
        for subscription in list(self._subscriptions):
            subscription.close()

    def subscribe(self, channel: str) -> Subscription:
        """A subscription to `channel` (lower-case letters, digits, underscore).

        Its first wake-up comes when the server listens for it: from then on no hint is missed while connected.
        """
        if not _CHANNEL.fullmatch(channel):
            raise ValueError(f"channel {channel!r} is not allowed; use lower-case letters, digits and underscores")
        subscription = Subscription(channel, self)
        self._subscriptions.append(subscription)
        if self.is_connected and channel in self._listened:
            subscription._put(None)
        self._note_change()
        return subscription

    def _forget(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._note_change()

    def _note_change(self) -> None:
        self._changed = True
        self._wake.set()

    def _wake_all(self) -> None:
        for subscription in self._subscriptions:
            subscription._put(None)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            self._wake_all()

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, application_name="tradewright-bus", connect_timeout=5
                ) as connection:
                    failures = 0
                    await self._serve(connection)
            except (psycopg.Error, OSError) as error:
                failures += 1
                log.warning("bus.disconnected", error=type(error).__name__, failures=failures)
            self._connected.clear()
            pause_s = min(_RECONNECT_S_MAX, 0.05 * 2 ** min(failures, 10))
            await asyncio.sleep(pause_s * (0.5 + self._rng.random() / 2))

    async def _serve(self, connection: psycopg.AsyncConnection) -> None:
        """Until the connection ends: keep LISTEN in step with the subscriptions and hand out what arrives."""
        self._listened = set()
        while True:
            self._changed = False
            wanted = {subscription.channel for subscription in self._subscriptions}
            new, old = wanted - self._listened, self._listened - wanted
            for channel in sorted(new):
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            for channel in sorted(old):
                await connection.execute(sql.SQL("UNLISTEN {}").format(sql.Identifier(channel)))
            self._listened = wanted
            for subscription in self._subscriptions:
                if subscription.channel in new:  # read what was said while nobody listened
                    subscription._put(None)
            if not self._connected.is_set():
                log.info("bus.connected", channels=sorted(wanted))
                self._connected.set()
            await self._forward_until_changed(connection)

    async def _forward_until_changed(self, connection: psycopg.AsyncConnection) -> None:
        """Hand out hints until the set of channels changed; then the connection is free for LISTEN at once."""
        loop = asyncio.get_running_loop()
        while not self._changed:
            async for notification in connection.notifies(timeout=0):
                for subscription in self._subscriptions:
                    if subscription.channel == notification.channel:
                        subscription._put(notification.payload)
            if self._changed:
                return
            self._wake.clear()
            # `notifies` without a timeout would hold the connection until the next hint, however long that takes.
            loop.add_reader(connection.fileno(), self._wake.set)
            try:
                await self._wake.wait()
            finally:
                loop.remove_reader(connection.fileno())
