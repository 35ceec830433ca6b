"""The public streams, `/v5/public/linear` and `/v5/public/spot`: subscriptions, ping, and the market's topics.

Lives here: the protocol and who gets which topic. Not here: what topics say (`channels`).
Spot answers a little differently: other texts, no request id where none was sent, ten topics a request at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from tradewright.simulator.frames import Frame, args_of, encode
from tradewright.simulator.market.model import InstrumentSpec, Listing, Market, MarketEvent, listing_of
from tradewright.simulator.streams.channels import Channel, make_channel
from tradewright.simulator.streams.sockets import Connection

ARGS_CHARACTERS_MAX = 21_000
SPOT_ARGS_MAX = 10
CATEGORIES = ("linear", "spot")


class PublicStream:
    """The public streams of all categories."""

    def __init__(self, market: Market, specs: Mapping[Listing, InstrumentSpec]) -> None:
        self._streams = {category: CategoryStream(market, specs, category) for category in CATEGORIES}

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

    def __init__(self, market: Market, specs: Mapping[Listing, InstrumentSpec], category: str) -> None:
        self._market = market
        self._specs = specs
        self._category = category
        self._is_spot = category == "spot"
        self._channels: dict[str, Channel] = {}
        self._readers: dict[str, set[Connection]] = {}
        self._connections: set[Connection] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        connection = Connection(request)
        socket = await connection.open()
        self._connections.add(connection)
        try:
            async for frame in connection.frames():
                self._obey(connection, frame)
        finally:
            self._connections.discard(connection)
            for topic in tuple(connection.topics):
                self._leave(connection, topic)
            await connection.close()
        return socket

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
                connection.send(self._answer(connection, frame, success=False, text="Params Error"))
            case "ping":
                connection.send(self._pong(connection, frame))
            case "subscribe":
                self._subscribe(connection, frame)
            case "unsubscribe":
                for topic in args_of(frame) or []:
                    self._leave(connection, str(topic))
                connection.send(self._answer(connection, frame, success=True, text=self._agreement("unsubscribe")))

    def _subscribe(self, connection: Connection, frame: Frame) -> None:
        """All topics of a request or none. The acknowledgement comes first, then each topic's snapshot."""
        topics = args_of(frame)
        refusal = self._refusal(connection, topics)
        answer = refusal or self._agreement("subscribe")
        connection.send(self._answer(connection, frame, success=not refusal, text=answer))
        if refusal or topics is None:
            return
        for topic in topics:
            channel = self._channels.get(topic) or self._made(topic)
            assert channel is not None, f"{topic} was checked above"
            self._channels[topic] = channel
            self._readers.setdefault(topic, set()).add(connection)
            connection.topics.add(topic)
            snapshot = channel.snapshot()
            if snapshot is not None:
                connection.send(snapshot)

    def _refusal(self, connection: Connection, topics: list[Any] | None) -> str:
        if topics is None or sum(len(str(topic)) for topic in topics) > ARGS_CHARACTERS_MAX:
            return "Params Error"
        if self._is_spot and len(topics) > SPOT_ARGS_MAX:
            return f"args size >{SPOT_ARGS_MAX}"
        for topic in topics:
            known = isinstance(topic, str) and (topic in self._channels or self._made(topic) is not None)
            if not known:
                return f"error:handler not found,topic:{topic}"
        for topic in topics:
            if topic in connection.topics or topics.count(topic) > 1:
                return f"error:already subscribed,topic:{topic}"
        return ""

    def _leave(self, connection: Connection, topic: str) -> None:
        connection.topics.discard(topic)
        readers = self._readers.get(topic)
        if readers is None:
            return
        readers.discard(connection)
        if not readers:
            del self._readers[topic], self._channels[topic]

    def _made(self, topic: str) -> Channel | None:
        return make_channel(topic, self._market, self._specs, category=self._category)

    def _agreement(self, op: str) -> str:
        return op if self._is_spot else ""

    def _pong(self, connection: Connection, frame: Frame) -> Frame:
        pong = self._answer(connection, frame, success=True, text="pong")
        return {name: pong[name] for name in ("success", "ret_msg", "conn_id", "op")} if self._is_spot else pong

    def _answer(self, connection: Connection, frame: Frame, *, success: bool, text: str) -> Frame:
        """`req_id` comes back exactly as it was sent; if it was not, as "" or, on spot, not at all."""
        if self._is_spot and "req_id" not in frame:
            req_id: Frame = {}
        else:
            req_id = {"req_id": frame.get("req_id", "")}
        return {
            "success": success,
            "ret_msg": text,
            "conn_id": connection.id,
            **req_id,
            "op": frame.get("op", ""),
        }
