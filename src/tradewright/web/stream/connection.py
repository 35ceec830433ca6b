"""One browser's connection: what it has subscribed to, what waits for it, and when it is cut off.

Lives here: `Connection`: the reader, the writer and the subscriptions between them. Not here: who may connect
(`stream.route`), what all connections share (`stream.hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Protocol, assert_never
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradewright.core.errors import NotFound, NotReady
from tradewright.identity.model import Principal
from tradewright.market.markets import NoMarket
from tradewright.market.subscription import SubscriptionClosed
from tradewright.notify.centre import Whose
from tradewright.web.parts import WebParts
from tradewright.web.schemas.stream import SubscribeMessage, UnsubscribeMessage
from tradewright.web.stream.accounts import AccountFeed
from tradewright.web.stream.feeds import Feed, open_feed
from tradewright.web.stream.journals import Watch
from tradewright.web.stream.messages import data_message, error_message, read_client_message
from tradewright.web.stream.news import NewsFeed
from tradewright.web.stream.outbox import Outbox
from tradewright.web.stream.runs import RunFeed, RunsFeed
from tradewright.web.stream.topics import (
    AccountTopic,
    BookTopic,
    CandleTopic,
    MarketTopic,
    NotificationsTopic,
    RunsTopic,
    RunTopic,
    TickerTopic,
    Topic,
    TradesTopic,
    parse_topic,
)

log = structlog.get_logger(__name__)

TOPICS_MAX = 100
FAULTS_MAX = 20  # unreadable messages before the browser is taken for something else
QUOTE_PAUSE_S = 0.1
LOOK_AGAIN_S = 0.5  # for a market that is not followed yet, or whose instruments are not known
WRITE_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0

CLOSE_SESSION_ENDED = 4401
CLOSE_OTHER_WORKSPACE = 4409
CLOSE_TOO_SLOW = 4008
CLOSE_POLICY = 1008
CLOSE_TRY_LATER = 1013


@dataclass(frozen=True, slots=True)
class Closing:
    code: int
    reason: str


class Watching(Protocol):
    """What tells a watch of its subject."""

    async def watch(self, watch: Watch, resume: int | None) -> None:
        """Raises `NotFound` when the subject is not the watch's workspace's."""
        ...

    def unwatch(self, watch: Watch) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """What all connections of a process share."""

    accounts: AccountFeed
    run_events: RunFeed
    runs: RunsFeed
    news: NewsFeed


class Connection:
    """`run` serves until either side ends it; `close` asks for the end from outside and returns at once."""

    def __init__(self, websocket: WebSocket, principal: Principal, parts: WebParts, feeds: Feeds) -> None:
        self.principal = principal
        self.outbox = Outbox()
        self._websocket = websocket
        self._parts = parts
        self._feeds = feeds
        self._watches: dict[str, tuple[Watching, Watch]] = {}
        self._quotes: dict[str, asyncio.Task[None]] = {}
        self._closing: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()
        self._faults = 0

    def put(self, message: str) -> None:
        if not self.outbox.put(message):
            self._too_slow()

    def close(self, code: int, reason: str) -> None:
        """The first wish counts."""
        if not self._closing.done():
            self._closing.set_result(Closing(code, reason))

    async def run(self) -> None:
        reader = asyncio.create_task(self._read(), name="stream.read")
        writer = asyncio.create_task(self._write(), name="stream.write")
        try:
            ends: list[asyncio.Future[Any]] = [reader, writer, self._closing]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reader, writer, *self._quotes.values()):
                task.cancel()
            results = await asyncio.gather(reader, writer, return_exceptions=True)
            self._drop_all()
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                log.error("stream.failed", error=repr(result), exc_info=result)
                self.close(1011, "something unexpected happened")
        if self._closing.done():
            await self._say_goodbye(self._closing.result())

    async def _say_goodbye(self, closing: Closing) -> None:
        log.info("stream.closed", code=closing.code, reason=closing.reason, session_id=str(self.principal.session_id))
        # A reader that takes nothing does not take this either; then the connection is simply dropped.
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._websocket.close(closing.code, closing.reason)

    async def _write(self) -> None:
        while True:
            message = await self.outbox.get()
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await self._websocket.send_text(message)
            except TimeoutError:
                self._too_slow()
                return
            self.outbox.wrote()

    async def _read(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            text = frame.get("text")
            message = None if text is None else read_client_message(text)
            match message:
                case SubscribeMessage():
                    for topic in message.topics[: TOPICS_MAX + 1]:
                        await self._subscribe(topic, message.resume)
                case UnsubscribeMessage():
                    for topic in message.topics:
                        self._drop(topic)
                case None:
                    self._fault("stream.malformed")
                case _:
                    assert_never(message)

    async def _subscribe(self, name: str, resume: Mapping[str, int]) -> None:
        topic = parse_topic(name)
        if topic is None:
            self._fault("stream.topic_unknown", name)
            return
        self._drop(name)
        if len(self._watches) + len(self._quotes) >= TOPICS_MAX:
            self._fault("stream.too_many_topics", name)
            return
        try:
            await self._start(name, topic, resume.get(name))
        except NotFound as error:
            self._fault(error.code, name)
        except SQLAlchemyError as error:
            log.warning("stream.subscribe_failed", topic=name, error=type(error).__name__)
            self.put(error_message("database.unavailable", name))

    async def _start(self, name: str, topic: Topic, resume: int | None) -> None:
        match topic:
            case AccountTopic(account_id):
                await self._watch(name, self._feeds.accounts, account_id, resume)
            case RunTopic(run_id):
                await self._watch(name, self._feeds.run_events, run_id, resume)
            case RunsTopic():
                await self._watch(name, self._feeds.runs, self.principal.membership.workspace_id, resume)
            case NotificationsTopic():
                self._quotes[name] = asyncio.create_task(self._tell_news(name), name=f"stream.{name}")
            case TickerTopic() | CandleTopic() | BookTopic() | TradesTopic():
                try:
                    feed = self._open(topic)
                except (NoMarket, NotReady) as error:
                    self.put(error_message(error.code, name))
                    self._quotes[name] = asyncio.create_task(self._quote_later(name, topic), name=f"stream.{name}")
                    return
                task = asyncio.create_task(self._quote(name, feed), name=f"stream.{name}")
                task.add_done_callback(lambda _: feed.reader.close())  # also when it is cancelled before it began
                self._quotes[name] = task
            case _:
                assert_never(topic)

    async def _watch(self, name: str, feed: Watching, subject_id: UUID, resume: int | None) -> None:
        watch = Watch(
            workspace_id=self.principal.membership.workspace_id,
            subject_id=subject_id,
            topic=name,
            outbox=self.outbox,
            too_slow=self._too_slow,
        )
        self._watches[name] = (feed, watch)
        try:
            await feed.watch(watch, resume)
        except BaseException:
            self._watches.pop(name, None)
            feed.unwatch(watch)
            raise

    def _open(self, topic: MarketTopic) -> Feed:
        """Raises `NoMarket` and `NotReady` where that may change, `NotFound` for what the exchange does not list: it
        would refuse the whole of a subscription."""
        market = self._parts.markets.of(topic.environment)
        market.instruments.require(topic.instrument)
        return open_feed(market, topic)

    async def _quote_later(self, name: str, topic: MarketTopic) -> None:
        """The wish stands: an account has just been added, or this process has just started, and the page was quick."""
        while True:
            await self._parts.clock.sleep(LOOK_AGAIN_S)
            try:
                feed = self._open(topic)
            except (NoMarket, NotReady):
                continue
            except NotFound as error:
                self._quotes.pop(name, None)
                self._fault(error.code, name)
                return
            try:
                await self._quote(name, feed)
            finally:
                feed.reader.close()

    async def _quote(self, name: str, feed: Feed) -> None:
        """Puts quotes while the browser keeps up; while something waits, the hub keeps only what still counts."""
        reader, seq = feed.reader, 0
        try:
            first = await feed.first()
            if first is not None:
                seq += 1
                self.put(data_message("snapshot", name, seq, first))
            while True:
                items = [await reader.get()]
                await self.outbox.drained()
                while (newer := reader.poll()) is not None:
                    items.append(newer)
                for data in feed.fold(items):
                    seq += 1
                    self.put(data_message("snapshot" if seq == 1 and feed.has_snapshot else "delta", name, seq, data))
                await self._parts.clock.sleep(QUOTE_PAUSE_S)
        except SubscriptionClosed as closed:
            log.info("stream.quotes_ended", topic=name, reason=closed.reason)
            self.close(CLOSE_TRY_LATER, "market data has ended; connect again")
        except Exception:
            log.exception("stream.quotes_failed", topic=name)
            self.close(1011, "something unexpected happened")

    async def _tell_news(self, name: str) -> None:
        """The person's notifications, each time whole: of several changes that wait the last counts."""
        whose = Whose(workspace_id=self.principal.membership.workspace_id, user_id=self.principal.user.id)
        seq = 0
        try:
            async with aclosing(self._feeds.news.follow(whose)) as news:
                async for data in news:
                    await self.outbox.drained()
                    seq += 1
                    self.put(data_message("snapshot" if seq == 1 else "delta", name, seq, data))
        except Exception:
            log.exception("stream.news_failed", topic=name)
            self.close(1011, "something unexpected happened")

    def _drop(self, name: str) -> None:
        watched = self._watches.pop(name, None)
        if watched is not None:
            feed, watch = watched
            feed.unwatch(watch)
        quotes = self._quotes.pop(name, None)
        if quotes is not None:
            quotes.cancel()

    def _drop_all(self) -> None:
        for name in (*self._watches, *self._quotes):
            self._drop(name)

    def _fault(self, code: str, topic: str | None = None) -> None:
        self._faults += 1
        if self._faults > FAULTS_MAX:
            self.close(CLOSE_POLICY, "too many messages that make no sense")
        self.put(error_message(code, None if topic is None else topic[:200]))

    def _too_slow(self) -> None:
        self.close(CLOSE_TOO_SLOW, "too slow; connect again and resume")
