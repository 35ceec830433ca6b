"""The private stream, `/v5/private`: auth, subscriptions, ping, and the account's messages.

Lives here: the protocol and who gets which topic. Not here: what the messages say (`telling`), when they leave
(`outbox`), what follows when a connection that armed DCP is gone (`dcp`).
Frames are obeyed in the order they come in, so a client may subscribe without waiting for the login's answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from aiohttp import web

from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.auth import KeyBook, check_stream
from tradewright.simulator.frames import Frame, args_of
from tradewright.simulator.streams import dcp as arming
from tradewright.simulator.streams.connections import Connections
from tradewright.simulator.streams.dcp import DcpWatch
from tradewright.simulator.streams.outbox import Message, Row
from tradewright.simulator.streams.sockets import Connection

CATEGORIES = ("linear", "inverse", "spot", "option")
FAST = "execution.fast"
BY_CATEGORY = frozenset({"order", "execution", FAST, "position"})
NO_SUCH_FORM = frozenset({"position.spot"})


class PrivateStream:
    """All connections to the private stream. Nothing is replayed and there is no snapshot: clients reconcile by
    REST. `topics` are those of the environment, without a category.
    """

    def __init__(
        self,
        keys: KeyBook,
        *,
        topics: frozenset[str],
        connections: Connections,
        dcp: DcpWatch,
        wall_ms: Callable[[], int],
        true_ms: Callable[[], int],
    ) -> None:
        """`true_ms` measures how long somebody is away, whatever the exchange's own clock says."""
        self._keys = keys
        self._wall_ms = wall_ms
        self._true_ms = true_ms
        self._door = connections
        self._dcp = dcp
        self._all_in_one = topics & BY_CATEGORY
        by_category = {f"{topic}.{category}" for topic in self._all_in_one for category in CATEGORIES}
        self._by_category = frozenset(by_category - NO_SUCH_FORM)
        self._known = topics | self._by_category
        self._connections: dict[Connection, None] = {}  # in the order of their coming
        self._uids: dict[Connection, str] = {}  # of those that have authenticated

    async def serve(self, request: web.Request) -> web.StreamResponse:
        async with self._door.accept(request) as connection:
            self._connections[connection] = None
            try:
                async for frame in connection.frames():
                    if frame.get("op") == "auth":
                        key = self._authenticate(connection, frame)
                        if key is None:
                            break
                        self._uids[connection] = key.uid
                        connection.belongs_to(key.uid)
                    else:
                        self._obey(connection, frame)
            finally:
                self._connections.pop(connection, None)
                self._uids.pop(connection, None)
                self._dcp.left(connection, now_ms=self._true_ms())
        return connection.socket

    def is_there(self, uid: str) -> bool:
        """Whether anybody of the account has authenticated."""
        return uid in self._uids.values()

    def is_heard(self, uid: str, topic: str) -> bool:
        """Whether anybody of the account has subscribed a topic at this moment, be it of one category only."""
        for connection, theirs in self._uids.items():
            if theirs == uid and any(name == topic or name.startswith(f"{topic}.") for name in connection.topics):
                return True
        return False

    def deliver(self, message: Message) -> None:
        """Push rows to everybody of the account who subscribed the topic, under the name they subscribed; a category's
        topic has the rows of that category.
        """
        self._push(message.topic, message, message.rows)
        for category in CATEGORIES:
            rows = [row for row in message.rows if row.get("category") == category]
            if rows:
                self._push(f"{message.topic}.{category}", message, rows)

    def _push(self, name: str, message: Message, rows: list[Row]) -> None:
        readers = [
            connection
            for connection in self._connections
            if name in connection.topics and self._uids.get(connection) == message.uid
        ]
        if rows and readers:
            frame: Frame = {"topic": name, "creationTime": message.created_ms, "data": rows}
            if message.topic != FAST:
                frame = {"id": str(uuid4()), **frame}
            for connection in readers:
                connection.send(frame)

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _authenticate(self, connection: Connection, frame: Frame) -> ApiKey | None:
        """Expiry comes as a number or as text. After a refusal the caller closes the connection."""
        args = args_of(frame)
        key = None
        if args is not None and len(args) == 3:
            key = check_stream(str(args[0]), str(args[1]), str(args[2]), keys=self._keys, now_ms=self._wall_ms())
        connection.send(_answer(connection, frame, success=key is not None, text="" if key else "Params Error"))
        return key

    def _obey(self, connection: Connection, frame: Frame) -> None:
        """Answer one frame. Operations that are not known are ignored, as on Bybit."""
        uid = self._uids.get(connection)
        match frame.get("op"):
            case None:
                connection.send(_answer(connection, frame, success=False, text="Params Error"))
            case "ping":
                connection.send(_pong(connection, frame, self._wall_ms()))
            case "subscribe" | "unsubscribe" if uid is None:
                connection.send(_answer(connection, frame, success=False, text="Request not authorized"))
            case "subscribe":
                assert uid is not None, "looked at above"
                refusal = self._refusal(args_of(frame))
                if not refusal:
                    self._join(connection, uid, args_of(frame) or [])
                connection.send(_answer(connection, frame, success=not refusal, text=refusal))
            case "unsubscribe":
                assert uid is not None, "looked at above"
                for topic in (str(topic) for topic in args_of(frame) or []):
                    connection.topics.discard(topic)
                    if topic in arming.TOPICS:
                        self._dcp.disarm(uid, topic, connection)
                connection.send(_answer(connection, frame, success=True, text=""))

    def _join(self, connection: Connection, uid: str, topics: list[str]) -> None:
        """A topic that is subscribed already is acknowledged again, and told once: some clients ask twice."""
        connection.topics.update(topics)
        for topic in topics:
            if topic in arming.TOPICS:
                self._dcp.arm(uid, topic, connection, now_ms=self._true_ms())

    def _refusal(self, args: list[Any] | None) -> str:
        """Why the whole request is refused, "" if it is not. One bad topic fails all."""
        if args is None:
            return "Params Error"
        for topic in args:
            if not isinstance(topic, str) or topic not in self._known:
                return f"error:handler not found,topic:{topic}"
        if self._all_in_one.intersection(args) and self._by_category.intersection(args):
            return "error:all-in-one and categorised topics cannot be mixed in one request"
        return ""


def _answer(connection: Connection, frame: Frame, *, success: bool, text: str) -> Frame:
    """`req_id` comes back exactly as it was sent, and only if it was."""
    answer: Frame = {"success": success, "ret_msg": text, "op": frame.get("op", ""), "conn_id": connection.id}
    if "req_id" in frame:
        answer["req_id"] = frame["req_id"]
    return answer


def _pong(connection: Connection, frame: Frame, now_ms: int) -> Frame:
    answer: Frame = {"op": "pong", "args": [str(now_ms)], "conn_id": connection.id}
    if "req_id" in frame:
        answer["req_id"] = frame["req_id"]
    return answer
