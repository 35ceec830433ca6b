"""The public stream, `/v5/public/linear`: subscriptions, ping, and the market's topics.

Lives here: the protocol and who gets which topic. Not here: what topics say (`channels`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tradewright.simulator.channels import Channel, make_channel
from tradewright.simulator.frames import Frame, args_of, encode
from tradewright.simulator.market.model import InstrumentSpec, Market, MarketEvent
from tradewright.simulator.sockets import Connection

ARGS_CHARACTERS_MAX = 21_000


class PublicStream:
    """All connections to the public stream of linear contracts. A channel lives while somebody listens to it."""

    def __init__(self, market: Market, specs: dict[str, InstrumentSpec]) -> None:
        self._market = market
        self._specs = specs
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
        """Give every channel its symbol's events and send what it says. `now_ms` is wall time."""
        by_symbol: dict[str, list[MarketEvent]] = {}
        for event in happened:
            by_symbol.setdefault(event.symbol, []).append(event)
        for topic, channel in tuple(self._channels.items()):
            for frame in channel.tick(by_symbol.get(topic.rpartition(".")[2], ()), now_ms=now_ms):
                text = encode(frame)
                for connection in tuple(self._readers[topic]):
                    connection.send_text(text)

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _obey(self, connection: Connection, frame: Frame) -> None:
        """Answer one frame. Operations that are not known are ignored, as on Bybit."""
        match frame.get("op"):
            case None:
                connection.send(_answer(connection, frame, success=False, text="Params Error"))
            case "ping":
                connection.send(_answer(connection, frame, success=True, text="pong"))
            case "subscribe":
                self._subscribe(connection, frame)
            case "unsubscribe":
                for topic in args_of(frame) or []:
                    self._leave(connection, str(topic))
                connection.send(_answer(connection, frame, success=True, text=""))

    def _subscribe(self, connection: Connection, frame: Frame) -> None:
        """All topics of a request or none. The acknowledgement comes first, then each topic's snapshot."""
        topics = args_of(frame)
        refusal = self._refusal(connection, topics)
        connection.send(_answer(connection, frame, success=not refusal, text=refusal))
        if refusal or topics is None:
            return
        for topic in topics:
            channel = self._channels.get(topic) or make_channel(topic, self._market, self._specs)
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
        for topic in topics:
            known = isinstance(topic, str) and (
                topic in self._channels or make_channel(topic, self._market, self._specs) is not None
            )
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


def _answer(connection: Connection, frame: Frame, *, success: bool, text: str) -> Frame:
    """`req_id` comes back exactly as it was sent, or "" if it was not."""
    return {
        "success": success,
        "ret_msg": text,
        "conn_id": connection.id,
        "req_id": frame.get("req_id", ""),
        "op": frame.get("op", ""),
    }
