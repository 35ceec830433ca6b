"""The public streams, `/v5/public/{category}`: subscriptions, ping, and the market's topics.

Lives here: what may be asked for, and who gets which topic. Not here: what topics say (`topics`), how a category
words its answers (`manners`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from aiohttp import web

from tradewright.simulator.frames import Frame, args_of, encode
from tradewright.simulator.market.model import InstrumentSpec, Listing, Market, MarketEvent, is_option
from tradewright.simulator.rows.told_books import ToldBooks
from tradewright.simulator.streams.connections import Connections
from tradewright.simulator.streams.manners import Refusal, manners_of
from tradewright.simulator.streams.sockets import Connection
from tradewright.simulator.streams.topics import Sources, Topic, no_premium, topic_of

ARGS_CHARACTERS_MAX = 21_000  # of all topics of a connection
SPOT_ARGS_MAX = 10  # in one request
OPTION_ARGS_MAX = 2_000  # on one connection
STATUS = "misc/status"  # the stream of the exchange's own state, served like a category
CATEGORIES = ("linear", "inverse", "spot", "option", STATUS)


class PublicStream:
    """The public streams of all categories."""

    def __init__(
        self,
        market: Market,
        specs: Mapping[Listing, InstrumentSpec],
        connections: Connections,
        *,
        wall_ms: Callable[[], int],
        notices: Callable[[], list[Frame]] = list,
        premium: Callable[[Listing], Decimal] = no_premium,
    ) -> None:
        """See `Sources` for `notices` and `premium`."""
        self.told_books = ToldBooks()
        self._last_ms = 0
        self._pace_ms = 0
        sources = Sources(market, specs, self.told_books, notices, premium)
        self._streams = {
            category: CategoryStream(sources, connections, category, wall_ms=wall_ms) for category in CATEGORIES
        }

    def add_to(self, application: web.Application) -> None:
        for category, stream in self._streams.items():
            application.router.add_get(f"/v5/public/{category}", stream.serve)

    def market_moved(self, happened: Sequence[MarketEvent], *, now_ms: int) -> None:
        """Give every topic the events it hears and send what it says. `now_ms` is wall time, which only paces."""
        heard = by_hearer(happened)
        # Topics pace themselves by a time that never goes back, whatever a fault does to the exchange's clock.
        self._pace_ms += max(0, now_ms - self._last_ms)
        self._last_ms = now_ms
        for stream in self._streams.values():
            stream.market_moved(heard, now_ms=self._pace_ms)

    @property
    def frames_behind(self) -> int:
        """Of the client that is furthest behind."""
        return max(stream.frames_behind for stream in self._streams.values())

    async def close(self) -> None:
        await asyncio.gather(*(stream.close() for stream in self._streams.values()))


class CategoryStream:
    """All connections to the public stream of one category. A topic lives while somebody listens to it."""

    def __init__(
        self,
        sources: Sources,
        connections: Connections,
        category: str,
        *,
        wall_ms: Callable[[], int],
    ) -> None:
        self._sources = sources
        self._door = connections
        self._category = category
        self._manners = manners_of(category)
        self._wall_ms = wall_ms
        self._topics: dict[str, Topic] = {}
        self._readers: dict[str, dict[Connection, None]] = {}  # by topic, in the order of their coming
        self._connections: dict[Connection, None] = {}  # in the order of their coming

    async def serve(self, request: web.Request) -> web.StreamResponse:
        async with self._door.accept(request, category=self._category) as connection:
            self._connections[connection] = None
            try:
                async for frame in connection.frames():
                    self._obey(connection, frame)
            finally:
                self._connections.pop(connection, None)
                for topic in tuple(connection.topics):
                    self._leave(connection, topic)
        return connection.socket

    def market_moved(self, heard: Mapping[Listing, Sequence[MarketEvent]], *, now_ms: int) -> None:
        """Ask the topics that heard something or whose time has come. Each frame is encoded once, for all readers."""
        for name, topic in tuple(self._topics.items()):
            happened = heard.get(topic.hears, ())
            if not happened and now_ms < topic.wakes_ms:
                continue
            for frame in topic.tick(happened, now_ms=now_ms):
                text = encode(frame)
                for connection in tuple(self._readers[name]):
                    connection.send_text(text)

    @property
    def frames_behind(self) -> int:
        return max((connection.frames_behind for connection in self._connections), default=0)

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _obey(self, connection: Connection, frame: Frame) -> None:
        """Answer one frame. Operations that are not known are ignored, as on Bybit."""
        match frame.get("op"):
            case None:
                connection.send(self._manners.refusal(frame, connection.id, Refusal("Params Error")))
            case "ping":
                connection.send(self._manners.pong(frame, connection.id, self._wall_ms()))
            case "subscribe":
                self._subscribe(connection, frame)
            case "unsubscribe":
                topics = [str(topic) for topic in args_of(frame) or []]
                for topic in topics:
                    self._leave(connection, topic)
                connection.send(self._manners.agreement(frame, connection.id, topics))

    def _subscribe(self, connection: Connection, frame: Frame) -> None:
        """All topics of a request or none. The acknowledgement comes first, then each topic's snapshot."""
        topics = self._asked_for(connection, args_of(frame))
        if isinstance(topics, Refusal):
            connection.send(self._manners.refusal(frame, connection.id, topics))
            return
        connection.send(self._manners.agreement(frame, connection.id, list(topics)))
        for name, topic in topics.items():
            self._topics[name] = topic
            self._readers.setdefault(name, {})[connection] = None
            connection.topics.add(name)
            snapshot = topic.snapshot()
            if snapshot is not None:
                connection.send(snapshot)

    def _asked_for(self, connection: Connection, names: list[Any] | None) -> dict[str, Topic] | Refusal:
        """The topics of a request, or why none of it is granted: one bad topic fails all."""
        if names is None or sum(len(str(name)) for name in (*connection.topics, *names)) > ARGS_CHARACTERS_MAX:
            return Refusal("Params Error")
        if self._category == "spot" and len(names) > SPOT_ARGS_MAX:
            return Refusal(f"args size >{SPOT_ARGS_MAX}")
        if self._category == "option" and len(connection.topics) + len(names) > OPTION_ARGS_MAX:
            return Refusal(f"args size >{OPTION_ARGS_MAX}", tuple(str(name) for name in names))
        topics: dict[str, Topic] = {}
        again: list[str] = []
        for name in names:
            topic = topics.get(name) if isinstance(name, str) else None
            topic = topic or self._topic(name)
            if topic is None:
                return Refusal(f"error:handler not found,topic:{name}", (str(name),))
            if name in connection.topics or name in topics:
                again.append(name)
            topics[name] = topic
        if again:
            return Refusal(f"error:already subscribed,topic:{again[0]}", tuple(again))
        return topics

    def _topic(self, name: Any) -> Topic | None:
        """The topic of a name, the one there is or a new one; None if there is no such topic."""
        if not isinstance(name, str):
            return None
        return self._topics.get(name) or topic_of(name, self._sources, category=self._category)

    def _leave(self, connection: Connection, topic: str) -> None:
        connection.topics.discard(topic)
        readers = self._readers.get(topic)
        if readers is None:
            return
        readers.pop(connection, None)
        if not readers:
            del self._readers[topic], self._topics[topic]


def by_hearer(happened: Sequence[MarketEvent]) -> dict[Listing, list[MarketEvent]]:
    """The events by whom they concern: the topics of their listing; of options those of the coin too."""
    heard: dict[Listing, list[MarketEvent]] = {}
    for event in happened:
        heard.setdefault(event.symbol, []).append(event)
        if is_option(event.symbol):
            heard.setdefault(event.symbol.partition("-")[0], []).append(event)
    return heard
