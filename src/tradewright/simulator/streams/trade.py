"""Order entry over a socket, `/v5/trade`: the same commands as over HTTP, correlated by `reqId`.

Lives here: its protocol, which names things in camelCase. Not here: the commands (`rest_trade`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.auth import check_stream, check_time
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.frames import Frame, args_of
from tradewright.simulator.rest.calls import Accounts, Answer, Call, too_many_visits
from tradewright.simulator.rest.limits import RateLimits
from tradewright.simulator.streams.sockets import Connection

PATHS = {
    "order.create": "/v5/order/create",
    "order.amend": "/v5/order/amend",
    "order.cancel": "/v5/order/cancel",
    "order.create-batch": "/v5/order/create-batch",
    "order.amend-batch": "/v5/order/amend-batch",
    "order.cancel-batch": "/v5/order/cancel-batch",
}


class TradeStream:
    """All connections to the trade stream. It spends the same per-second budget as HTTP, as on the real exchange."""

    def __init__(self, members: Accounts, *, limits: RateLimits, wall_ms: Callable[[], int]) -> None:
        self._members = members
        self._limits = limits
        self._wall_ms = wall_ms
        self._connections: set[Connection] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        connection = Connection(request)
        socket = await connection.open()
        self._connections.add(connection)
        key: ApiKey | None = None
        try:
            async for frame in connection.frames():
                match frame:
                    case {"op": "auth"}:
                        key = self._authenticate(connection, frame, key)
                    case {"op": "ping"}:
                        self._answer(connection, frame, RetCode.OK, "OK", data=[str(self._wall_ms())], op="pong")
                    case _:
                        self._obey(connection, frame, key)
        finally:
            self._connections.discard(connection)
            await connection.close()
        return socket

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _authenticate(self, connection: Connection, frame: Frame, known: ApiKey | None) -> ApiKey | None:
        args = args_of(frame)
        if known is not None:
            self._answer(connection, frame, RetCode.ALREADY_AUTHENTICATED, "Repeat auth")
            return known
        if args is None or len(args) != 3:
            self._answer(connection, frame, RetCode.BAD_PARAMETER, "Params Error")
            return None
        key = check_stream(str(args[0]), str(args[1]), str(args[2]), keys=self._members, now_ms=self._wall_ms())
        if key is None:
            self._answer(connection, frame, RetCode.BAD_SIGNATURE, "error sign!")
        else:
            self._answer(connection, frame, RetCode.OK, "OK")
        return key

    def _obey(self, connection: Connection, frame: Frame, key: ApiKey | None) -> None:
        try:
            answer = self._execute(frame, key)
        except ApiError as error:
            self._answer(connection, frame, error.code, error.text, data={})
        else:
            self._answer(connection, frame, RetCode.OK, "OK", data=answer.result, extra=answer.extra)

    def _execute(self, frame: Frame, key: ApiKey | None) -> Answer:
        """Check and carry out one operation. The header's time obeys the same rule as a signed call."""
        path = PATHS.get(str(frame.get("op")))
        if path is None:
            raise ApiError(RetCode.UNKNOWN_OPERATION, f"op type {frame.get('op')} is not found")
        if key is None:
            raise ApiError(RetCode.BAD_SIGNATURE, "not authenticated: send auth first")
        if key.read_only:
            raise ApiError(RetCode.NO_PERMISSION, "Permission denied, please check your API key permissions.")
        header, args = frame.get("header"), args_of(frame)
        if not isinstance(header, dict) or args is None or len(args) != 1 or not isinstance(args[0], dict):
            raise bad_parameter("Params Error: header and exactly one argument are needed")
        now_ms = self._wall_ms()
        endpoint = self._members.endpoint(("POST", path), key)
        check_time(str(header.get("X-BAPI-TIMESTAMP", "")), str(header.get("X-BAPI-RECV-WINDOW", "")), now_ms=now_ms)
        budget = self._limits.spend(key.uid, endpoint, args[0], now_ms=now_ms)
        if budget is not None and not budget.granted:
            raise too_many_visits()
        granted = endpoint.items(args[0]) if budget is None else budget.granted
        answer = endpoint.handle(Call(params=args[0], now_ms=now_ms, key=key, granted=granted))
        return answer if isinstance(answer, Answer) else Answer(answer, {})

    def _answer(
        self,
        connection: Connection,
        frame: Frame,
        code: RetCode,
        text: str,
        *,
        data: Any = None,
        extra: Frame | None = None,
        op: str | None = None,
    ) -> None:
        """`reqId` comes back only if it was sent; replies to operations carry `data` and the extras of HTTP."""
        answer: Frame = {"retCode": int(code), "retMsg": text, "op": op or frame.get("op", ""), "connId": connection.id}
        if "reqId" in frame:
            answer["reqId"] = frame["reqId"]
        if data is not None:
            answer["data"] = data
            if op is None:
                answer["retExtInfo"] = extra or {}
                answer["header"] = {"Timenow": str(self._wall_ms())}
        connection.send(answer)
