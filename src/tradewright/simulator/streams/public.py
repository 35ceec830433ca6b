"""The public streams, `/v5/public/{category}`: subscriptions, ping, and the market's topics.

Lives here: what may be asked for, and who gets which topic. Not here: what topics say (`channels`), how a category
words its answers (`manners`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from tradewright.simulator.frames import Frame, args_of, encode
from tradewright.simulator.market.model import InstrumentSpec, Listing, Market, MarketEvent, listing_of
from tradewright.simulator.streams.channels import Channel, make_channel
from tradewright.simulator.streams.connections import Connections
from tradewright.simulator.streams.manners import Refusal, manners_of
from tradewright.simulator.streams.sockets import Connection

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
    ) -> None:
        self._streams = {
            category: CategoryStream(market, specs, connections, category, wall_ms=wall_ms) for category in CATEGORIES
        }

    def add_to(self, application: web.Application) -> None:
        for category, stream in self._streams.items():
            application.router.add_get(f"/v5/public/{category}", stream.serve)

    def market_moved(self, happened: Sequence[MarketEvent], *, now_ms: int) -> None:
        """Give every channel its listing's events and send what it says. `now_ms` is wall time."""
        for stream in self._streams.values():
            stream.market_moved(happened, now_ms=now_ms)

    @property
    def frames_behind(self) -> int:
        """Of the client that is furthest behind."""
        return max(stream.frames_behind for stream in self._streams.values())

    async def close(self) -> None:
        await asyncio.gather(*(stream.close() for stream in self._streams.values()))


class CategoryStream:
    """All connections to the public stream of one category. A channel lives while somebody listens to it."""

    def __init__(
        self,
        market: Market,
        specs: Mapping[Listing, InstrumentSpec],
        connections: Connections,
        category: str,
        *,
        wall_ms: Callable[[], int],
    ) -> None:
        self._market = market
        self._specs = specs
        self._door = connections
        self._category = category
        self._manners = manners_of(category)
        self._wall_ms = wall_ms
        self._channels: dict[str, Channel] = {}
        self._readers: dict[str, set[Connection]] = {}
        self._connections: set[Connection] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        async with self._door.accept(request, category=self._category) as connection:
            self._connections.add(connection)
            try:
                async for frame in connection.frames():
                    self._obey(connection, frame)
            finally:
                self._connections.discard(connection)
                for topic in tuple(connection.topics):
                    self._leave(connection, topic)
        return connection.socket

    def market_moved(self, happened: Sequence[MarketEvent], *, now_ms: int) -> None:
        """See `PublicStream`."""
        if not self._channels:
            return
        by_listing: dict[Listing, list[MarketEvent]] = {}
        for event in happened:
            by_listing.setdefault(event.symbol, []).append(event)
        for topic, channel in tuple(self._channels.items()):
            listing = listing_of(self._category, topic.rpartition(".")[2])
            for frame in channel.tick(by_listing.get(listing, ()), now_ms=now_ms):
                text = encode(frame)
                for connection in tuple(self._readers[topic]):
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
        channels = self._asked_for(connection, args_of(frame))
        if isinstance(channels, Refusal):
            connection.send(self._manners.refusal(frame, connection.id, channels))
            return
        connection.send(self._manners.agreement(frame, connection.id, list(channels)))
        for topic, channel in channels.items():
            self._channels[topic] = channel
            self._readers.setdefault(topic, set()).add(connection)
            connection.topics.add(topic)
            snapshot = channel.snapshot()
            if snapshot is not None:
                connection.send(snapshot)

    def _asked_for(self, connection: Connection, topics: list[Any] | None) -> dict[str, Channel] | Refusal:
        """The channels of a request, or why none of it is granted: one bad topic fails all."""
        if topics is None or sum(len(str(topic)) for topic in (*connection.topics, *topics)) > ARGS_CHARACTERS_MAX:
            return Refusal("Params Error")
        if self._category == "spot" and len(topics) > SPOT_ARGS_MAX:
            return Refusal(f"args size >{SPOT_ARGS_MAX}")
        if self._category == "option" and len(connection.topics) + len(topics) > OPTION_ARGS_MAX:
            return Refusal(f"args size >{OPTION_ARGS_MAX}", tuple(str(topic) for topic in topics))
        channels: dict[str, Channel] = {}
        again: list[str] = []
        for topic in topics:
            channel = self._channel(topic)
            if channel is None:
                return Refusal(f"error:handler not found,topic:{topic}", (str(topic),))
            if topic in connection.topics or topic in channels:
                again.append(topic)
            channels[topic] = channel
        if again:
            return Refusal(f"error:already subscribed,topic:{again[0]}", tuple(again))
        return channels

    def _channel(self, topic: Any) -> Channel | None:
        """The channel of a topic, the one there is or a new one; None if there is no such topic."""
        if not isinstance(topic, str):
            return None
        return self._channels.get(topic) or make_channel(topic, self._market, self._specs, category=self._category)

    def _leave(self, connection: Connection, topic: str) -> None:
        connection.topics.discard(topic)
        readers = self._readers.get(topic)
        if readers is None:
            return
        readers.discard(connection)
        if not readers:
            del self._readers[topic], self._channels[topic]
