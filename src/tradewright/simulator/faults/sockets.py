"""Sockets under fault: silent ones, broken ones, dropped ones; and what the truth log knows of every socket.

Lives here: `SocketGate`, which every socket is registered with, and `Watch`, which every frame to a client passes.
Not here: the sockets themselves (`streams.sockets`), whether a fault strikes (`board`).
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from aiohttp import web

from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.kinds import BrokenSocket, Match, Place
from tradewright.simulator.frames import Frame

IDS_MAX: Final = 50  # of one message in the truth log


class Socket(Protocol):
    id: str
    topics: set[str]

    def abort(self) -> None: ...


class SocketGate:
    """All sockets that are open, in the order they came."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._open: dict[str, Watch] = {}

    def opened(self, socket: Socket, path: str) -> Watch:
        """`path` is that of the handshake: its first part names the stream."""
        stream = next((name for name in ("private", "trade") if path == f"/v5/{name}"), "public")
        watch = Watch(self, socket, stream)
        self._open[socket.id] = watch
        self.faults.truth.record("socket_opened", {"socket": socket.id, "stream": stream, "path": path})
        return watch

    def closed(self, watch: Watch) -> None:
        if self._open.pop(watch.socket.id, None) is not None:
            self.faults.truth.record("socket_closed", watch.names())

    def drop(self, match: Match) -> int:
        """Cut every matching socket; how many that were."""
        dropped = [watch for watch in self._open.values() if match.meets(watch.place())]
        for watch in dropped:
            self.faults.truth.record("socket_dropped", watch.names())
            watch.socket.abort()
        return len(dropped)


SOCKETS: Final = web.AppKey("sockets", SocketGate)


class Watch:
    """One socket. `uid` is whose it is, once it has authenticated."""

    def __init__(self, gate: SocketGate, socket: Socket, stream: str) -> None:
        self.socket = socket
        self.stream = stream
        self.uid = ""
        self._gate = gate

    def authenticated(self, uid: str) -> None:
        self.uid = uid
        self._gate.faults.truth.record("socket_authenticated", {"socket": self.socket.id, "uid": uid})

    def names(self) -> dict[str, str]:
        return {"socket": self.socket.id, "stream": self.stream, "uid": self.uid}

    def place(self) -> Place:
        return Place(stream=self.stream, uid=self.uid, topics=frozenset(self.socket.topics))

    def lets_out(self, frame: Frame | None, *, is_pong: bool = False) -> bool:
        """Whether a frame may leave; None stands for one of a public topic. A private message is recorded."""
        faults = self._gate.faults
        if faults.is_quiet and self.stream != "private":
            return True
        is_pong = is_pong or (frame is not None and _is_pong(frame))
        effect = None if faults.is_quiet else faults.on_frame(self.place(), is_pong=is_pong)
        if frame is not None and self.stream == "private" and "topic" in frame:
            fields = {"socket": self.socket.id, "uid": self.uid, "topic": frame["topic"], "ids": _ids(frame)}
            faults.truth.record("message", {**fields, "sent": effect is None})
        if isinstance(effect, BrokenSocket):
            faults.truth.record("socket_dropped", self.names())
            self.socket.abort()
        return effect is None

    def closed(self) -> None:
        self._gate.closed(self)


def _is_pong(frame: Frame) -> bool:
    return frame.get("op") == "pong" or frame.get("ret_msg") == "pong"


def _ids(frame: Frame) -> list[str]:
    """What a message is about: executions by their id, orders by theirs with the status, else the symbol."""
    rows = frame.get("data")
    return [_id(row) for row in rows[:IDS_MAX] if isinstance(row, dict)] if isinstance(rows, list) else []


def _id(row: dict[str, Any]) -> str:
    if "execId" in row:
        return str(row["execId"])
    if "orderId" in row:
        return f"{row['orderId']}:{row.get('orderStatus', '')}"
    return str(row.get("symbol", ""))
