"""A WebSocket that keeps itself up: connect, speak, ping, notice silence, say so, try again.

Lives here: `StreamRunner` with its one bounded queue, shared by both streams. Not here: one connection (`stream_link`),
what is subscribed and what the frames mean (`private_stream`, `public_stream`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, Protocol, TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, Rng
from tradewright.core.errors import ExchangeError
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.stream_link import LinkEnd, StreamFailed, StreamLink
from tradewright.exchange.bybit.values import Unreadable, decode
from tradewright.exchange.bybit.wire import StreamFrame
from tradewright.exchange.ports import StreamDown, StreamUp

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 15.0
STEADY_AFTER_S = 60.0  # a connection that lived so long starts the backoff anew; a flapping one does not
QUEUE_MAX = 10_000
UNREADABLE_LOGGED_MAX = 20  # a connection; then only every thousandth

_FRAME = msgspec.json.Decoder(StreamFrame)
Event = TypeVar("Event")


class StreamSpeaker(Protocol):
    """What one kind of stream says and understands."""

    def address(self) -> str: ...
    async def open(self, link: StreamLink) -> None:
        """Authenticates and subscribes on a fresh connection; raises `StreamFailed` or an `ExchangeError`."""
        ...

    def took(self, raw: bytes) -> bool:
        """Takes a message that it can tell by its beginning, without decoding it twice; False leaves it to `heard`."""
        ...

    def heard(self, frame: StreamFrame, raw: bytes) -> None:
        """Takes one frame. Like `took`, raises `Unreadable` and must not block."""
        ...


class StreamRunner(Generic[Event]):
    """Runs one stream for one reader. At most `QUEUE_MAX` events wait: beyond that the connection is dropped, so that
    whoever reads learns of the loss by `StreamDown` and asks REST; nothing is left out silently."""

    def __init__(
        self,
        speaker: StreamSpeaker,
        *,
        clock: Clock,
        rng: Rng,
        log: FilteringBoundLogger,
        use_aiofastnet: bool | None = None,
        proxy: Proxy | None = None,
        address: Address | None = None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._speaker = speaker
        self._clock = clock
        self._rng = rng
        self._log = log
        self._use_aiofastnet = use_aiofastnet
        self._proxy = proxy
        self._address = address or Address(clock)
        self._queue_max = queue_max
        self._queue: deque[Event | StreamUp | StreamDown] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._link: StreamLink | None = None
        self._is_up = False  # the link is, and everything was said on it
        self._successor: StreamLink | None = None
        self._connections = 0
        self._down_reason: str | None = None
        self._overflowed = False
        self._unreadable = 0
        self._last_frame_s: float | None = None
        self._closed = False

    async def events(self) -> AsyncIterator[Event | StreamUp | StreamDown]:
        """Connects, and yields until closed. One reader only; leaving the loop ends the connection."""
        if self._task is not None:
            raise RuntimeError("this stream already has a reader; build another stream for a second one")
        if self._closed:
            return
        task = self._task = asyncio.create_task(self._run(), name="bybit-stream")
        task.add_done_callback(lambda _task: self._arrived.set())
        try:
            while True:
                while self._queue:
                    yield self._queue.popleft()
                if task.done():
                    if not task.cancelled():
                        task.result()
                    return
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            await self.close()

    def emit(self, event: Event) -> None:
        """Hands one event to the reader. Called by the speaker."""
        if self._overflowed:
            return
        if len(self._queue) >= self._queue_max:
            self._overflowed = True
            self._log.error("stream.reader_too_slow", waiting=len(self._queue))
            if self._link is not None:
                self._link.drop("link.overloaded", f"its reader is too slow: {len(self._queue)} events were waiting")
            return
        self._queue.append(event)
        self._arrived.set()

    def last_frame_age_seconds(self) -> float | None:
        return None if self._last_frame_s is None else self._clock.monotonic() - self._last_frame_s

    async def renew(self) -> None:
        """A second connection beside the present one, which ends once the new one speaks; no down and no up is told.

        Where the new one fails, or there is none to take the place of, an ordinary reconnect follows.
        """
        old = self._link
        if old is None or not self._is_up or self._closed:
            return  # the next connection is a new one anyway
        self._address.connects()
        link: StreamLink = StreamLink(lambda raw: self._heard_beside(link, raw), clock=self._clock)
        opened = False
        try:
            await self._open(link)
            opened = True
        except (StreamFailed, ExchangeError) as problem:
            self._log.warning("stream.not_renewed", reason=str(problem))
        finally:
            if not opened or self._link is not old or old.has_ended:
                await link.close()
        if self._link is not old or old.has_ended:
            return
        self._successor = link if opened else None
        old.drop("link.closed", "another connection takes its place")

    async def close(self) -> None:
        """Ends the connection and the reader's loop; what was already queued is still yielded. Harmless twice."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        attempt = 0
        while True:
            await self._wait_for_room()
            await self._wait_for_turn()
            started_at = self._clock.monotonic()
            end = await self._one_connection()
            lived_s = self._clock.monotonic() - started_at
            attempt = 0 if lived_s >= STEADY_AFTER_S else attempt + 1
            pause_s = backoff_s(attempt, self._rng)
            self._log.warning("stream.down", reason=end.reason, lived_s=round(lived_s, 1), retry_in_s=round(pause_s, 2))
            if end.reason != self._down_reason:
                self._down_reason = end.reason
                self._control(StreamDown(end.reason, end.code))
            await self._clock.sleep(pause_s)

    async def _one_connection(self) -> LinkEnd:
        """One connection from its opening to its end; returns why it ended."""
        self._overflowed = False
        self._unreadable = 0
        self._link = StreamLink(self._heard, clock=self._clock)
        try:
            await self._open(self._link)
            self._is_up = True
            self._connections += 1
            self._down_reason = None
            self._log.info("stream.up", connection=self._connections)
            self._control(StreamUp(self._connections))
            end = await self._link.wait_closed()
            while self._successor is not None:
                await self._link.close()
                self._link, self._successor = self._successor, None
                self._log.info("stream.renewed")
                end = await self._link.wait_closed()
            return end
        except StreamFailed as problem:
            return LinkEnd(problem.code, str(problem))
        except ExchangeError as problem:  # what must be known first, such as the exchange's clock, could not be asked
            return LinkEnd("link.unreachable", str(problem))
        finally:
            ended, self._is_up = [self._link, self._successor], False
            self._link = self._successor = None
            for link in ended:
                if link is not None:
                    await link.close()

    async def _open(self, link: StreamLink) -> None:
        """Connects it and says everything on it. Raises `StreamFailed` or an `ExchangeError`."""
        await link.connect(self._speaker.address(), use_aiofastnet=self._use_aiofastnet, proxy=self._proxy)
        self._last_frame_s = self._clock.monotonic()  # it has just answered the opening: nothing is stale yet
        await self._speaker.open(link)

    def _heard_beside(self, link: StreamLink, raw: bytes) -> None:
        """On a connection that was opened beside another one: answers are for whoever asked on it."""
        with contextlib.suppress(Unreadable):
            frame = decode(_FRAME, raw)
            if not frame.topic:
                self._last_frame_s = self._clock.monotonic()
                link.answered(frame)
                return
        self._heard(raw)

    def _heard(self, raw: bytes) -> None:
        self._last_frame_s = self._clock.monotonic()
        try:
            if self._speaker.took(raw):
                return
            frame = decode(_FRAME, raw)
            if not frame.topic and self._link is not None:
                self._link.answered(frame)
            self._speaker.heard(frame, raw)
        except Unreadable as problem:
            self.report_unreadable(problem, raw)

    def report_unreadable(self, problem: Unreadable, raw: bytes | msgspec.Raw) -> None:
        """Logs a message, or one row of it, that is skipped, with its raw text."""
        self._unreadable += 1
        if self._unreadable <= UNREADABLE_LOGGED_MAX or self._unreadable % 1_000 == 0:
            text = problem.raw or bytes(raw)[:2_000].decode("utf-8", "replace")
            self._log.error("stream.unreadable", error=str(problem), raw=text, count=self._unreadable)

    def _control(self, event: StreamUp | StreamDown) -> None:
        """Ups and downs are always queued: at most two a connection, and none is opened while the queue is full."""
        self._queue.append(event)
        self._arrived.set()

    async def _wait_for_turn(self) -> None:
        """So many sockets of one address in five minutes and no more; none at all while Bybit blocks the address."""
        while (wait_s := self._address.connect_wait_s()) > 0:
            if self._down_reason is None:
                self._down_reason = f"no new connection for {wait_s:.0f} s: the address may not ask for one"
                self._control(StreamDown(self._down_reason, "link.unreachable"))
            await self._clock.sleep(min(wait_s, BACKOFF_MAX_S))
        self._address.connects()

    async def _wait_for_room(self) -> None:
        while len(self._queue) > self._queue_max // 2:
            await self._clock.sleep(0.1)


def backoff_s(attempt: int, rng: Rng) -> float:
    """Pause before the next attempt: doubling from 1 s to 15 s, of which between half and all is waited.

    So between 0.5 s and 15 s, and never more than 45 connections in 5 minutes.
    """
    ceiling_s: float = min(BACKOFF_MAX_S, 2 * BACKOFF_FIRST_S * 2 ** min(max(attempt - 1, 0), 10))
    return ceiling_s * (0.5 + 0.5 * rng.random())
