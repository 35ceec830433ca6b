"""Order entry over a socket, `/v5/trade`: the same commands as over HTTP, correlated by `reqId`.

Lives here: its protocol, which names things in camelCase. Not here: the commands (`rest.trade`, `rest.batch`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web

from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.auth import check_stream, check_time
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.faults.calls import Arrival, CallGate
from tradewright.simulator.frames import Frame, args_of, encode
from tradewright.simulator.rest.calls import Accounts, Answer, Call, too_many_visits
from tradewright.simulator.rest.limits import Budget, RateLimits, RollingWindow, Windows
from tradewright.simulator.streams.connections import Connections
from tradewright.simulator.streams.sockets import Connection

PATHS = {
    "order.create": "/v5/order/create",
    "order.amend": "/v5/order/amend",
    "order.cancel": "/v5/order/cancel",
    "order.create-batch": "/v5/order/create-batch",
    "order.amend-batch": "/v5/order/amend-batch",
    "order.cancel-batch": "/v5/order/cancel-batch",
}
CATEGORIES = ("linear", "inverse", "spot", "option")
REQUEST_ID_MAX = 36  # characters
# For how many requests of a session an id stays taken. The documentation only says that it must not repeat.
REQUEST_IDS_KEPT = 10_000
SECOND_MS = 1_000
PER_ADDRESS = 3_000  # requests per second
PER_SESSION = 1_000  # requests per second; the documentation has the code but no number


@dataclass(slots=True)
class _Session:
    """One connection's state. `request_ids` keeps the order they came in."""

    key: ApiKey | None = None
    request_ids: dict[str, None] = field(default_factory=dict)
    requests: RollingWindow = field(default_factory=lambda: RollingWindow(PER_SESSION, SECOND_MS))


class TradeStream:
    """All connections to the trade stream. It spends the same per-second budget as HTTP, as on the real exchange.

    `has_flood_limits` is whether an address or a session can ask too fast (10403, 20003).
    """

    def __init__(
        self,
        members: Accounts,
        *,
        limits: RateLimits,
        connections: Connections,
        gate: CallGate,
        has_flood_limits: bool,
        wall_ms: Callable[[], int],
    ) -> None:
        self._members = members
        self._limits = limits
        self._door = connections
        self._gate = gate
        self._has_flood_limits = has_flood_limits
        self._by_address = Windows(PER_ADDRESS if has_flood_limits else 0, SECOND_MS)
        self._wall_ms = wall_ms
        self._connections: dict[Connection, None] = {}  # in the order of their coming

    async def serve(self, request: web.Request) -> web.StreamResponse:
        async with self._door.accept(request) as connection:
            self._connections[connection] = None
            session = _Session()
            try:
                async for frame in connection.frames():
                    match frame:
                        case {"op": "auth"}:
                            self._authenticate(connection, frame, session)
                        case {"op": "ping"}:
                            pong = _envelope(connection, frame, RetCode.OK, "OK", op="pong")
                            connection.send({**pong, "data": [str(self._wall_ms())]})
                        case _:
                            self._obey(connection, frame, session)
            finally:
                self._connections.pop(connection, None)
        return connection.socket

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _authenticate(self, connection: Connection, frame: Frame, session: _Session) -> None:
        """After a refusal the client may try again."""
        args = args_of(frame)
        if session.key is not None:
            answer = _envelope(connection, frame, RetCode.ALREADY_AUTHENTICATED, "Repeat auth")
        elif args is None or len(args) != 3:
            answer = _envelope(connection, frame, RetCode.BAD_PARAMETER, "Params Error")
        else:
            texts = (str(args[0]), str(args[1]), str(args[2]))
            session.key = check_stream(*texts, keys=self._members, now_ms=self._wall_ms())
            code, text = (RetCode.OK, "OK") if session.key else (RetCode.BAD_SIGNATURE, "error sign!")
            if session.key is not None:
                connection.belongs_to(session.key.uid)
            answer = _envelope(connection, frame, code, text)
        connection.send(answer)

    def _obey(self, connection: Connection, frame: Frame, session: _Session) -> None:
        """Let one operation through the gate, which answers it now, later or never."""
        key, args = session.key, args_of(frame) or [{}]
        self._gate.frame(
            Arrival(
                way="trade",
                method="POST",
                path=PATHS.get(str(frame.get("op")), ""),
                uid="" if key is None else key.uid,
                key="" if key is None else key.key,
                params=args[0],
                content=encode(frame).encode(),
            ),
            process=lambda: self._answer(connection, frame, session),
            refuse=lambda code, text: self._framed(_envelope(connection, frame, code, text), Answer({}, {}), None),
            send=connection.send,
            drop=connection.abort,
        )

    def _answer(self, connection: Connection, frame: Frame, session: _Session) -> Frame:
        """Carry out one operation: the result and extras of HTTP, and its headers in `header`."""
        budget: Budget | None = None
        try:
            path, key, params = self._checked(connection, frame, session)
            now_ms = self._wall_ms()
            endpoint = self._members.endpoint(("POST", path), key)
            budget = self._limits.spend(key.uid, endpoint, params, now_ms=now_ms)
            if budget is not None and not budget.granted:
                raise too_many_visits()
            granted = endpoint.items(params) if budget is None else budget.granted
            answer = endpoint.handle(Call(params=params, now_ms=now_ms, key=key, granted=granted))
            if not isinstance(answer, Answer):
                answer = Answer(answer, {})
            head = _envelope(connection, frame, RetCode.OK, "OK")
        except ApiError as error:
            answer = Answer(error.result, {})
            head = _envelope(connection, frame, error.code, error.text)
        return self._framed(head, answer, budget)

    def _framed(self, head: Frame, answer: Answer, budget: Budget | None) -> Frame:
        headers = {} if budget is None else budget.headers()
        conn_id = head.pop("connId")
        return {
            **head,
            "data": answer.result,
            "retExtInfo": answer.extra,
            "header": {**headers, "Traceid": uuid4().hex, "Timenow": str(self._wall_ms())},
            "connId": conn_id,
        }

    def _checked(self, connection: Connection, frame: Frame, session: _Session) -> tuple[str, ApiKey, dict[str, Any]]:
        """Path, key and parameters of an operation that may be carried out. The header's time obeys the same rule as a
        signed call; a header without a window has the usual one.
        """
        now_ms = self._wall_ms()
        if not self._by_address.admits(connection.address, now_ms=now_ms):
            raise ApiError(RetCode.TOO_MANY_BY_ADDRESS, "exceed IP rate limit")
        if self._has_flood_limits and not session.requests.take(1, now_ms=now_ms):
            raise ApiError(RetCode.SESSION_FLOOD, "too frequent requests under the same session")
        path = PATHS.get(str(frame.get("op")))
        if path is None:
            raise ApiError(RetCode.UNKNOWN_OPERATION, f"op type {str(frame.get('op'))[:40]} is not found")
        if session.key is None:
            raise ApiError(RetCode.BAD_SIGNATURE, "not authenticated: send auth first")
        if session.key.read_only:
            raise ApiError(RetCode.NO_PERMISSION, "Permission denied, please check your API key permissions.")
        _note_request_id(frame, session)
        header, args = frame.get("header"), args_of(frame)
        if not isinstance(header, dict) or args is None or len(args) != 1 or not isinstance(args[0], dict):
            raise bad_parameter("Params Error: header and exactly one argument are needed")
        if args[0].get("category") not in CATEGORIES:
            text = f"category [{str(args[0].get('category', ''))[:40]}] is not one of {' '.join(CATEGORIES)}"
            raise ApiError(RetCode.UNKNOWN_OPERATION, text)
        check_time(str(header.get("X-BAPI-TIMESTAMP", "")), str(header.get("X-BAPI-RECV-WINDOW", "")), now_ms=now_ms)
        return path, session.key, args[0]


def _note_request_id(frame: Frame, session: _Session) -> None:
    """An id is optional; text or a number. Raises `ApiError` 10001 for what is none, 20006 for one that is taken."""
    if "reqId" not in frame:
        return
    given = frame["reqId"]
    if isinstance(given, bool) or not isinstance(given, str | int) or len(str(given)) > REQUEST_ID_MAX:
        raise bad_parameter(f"Params Error: reqId must be a text of at most {REQUEST_ID_MAX} characters")
    request_id = str(given)
    if not request_id:
        return
    if request_id in session.request_ids:
        raise ApiError(RetCode.DUPLICATE_REQUEST_ID, f"reqId {request_id} is duplicated")
    session.request_ids[request_id] = None
    if len(session.request_ids) > REQUEST_IDS_KEPT:
        del session.request_ids[next(iter(session.request_ids))]


def _envelope(connection: Connection, frame: Frame, code: int, text: str, *, op: str = "") -> Frame:
    """`reqId` comes back only if it was sent."""
    request_id = {"reqId": frame["reqId"]} if "reqId" in frame else {}
    asked = op or frame.get("op", "")
    return {**request_id, "retCode": int(code), "retMsg": text, "op": asked, "connId": connection.id}
