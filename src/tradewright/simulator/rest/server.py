"""REST over HTTP: from bytes to a handler and back into Bybit's envelope.

Lives here: raw query and body, authentication, permission, rate limits, the envelope. Not here: what endpoints do, what
faults make of a call (`faults.calls`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from aiohttp import web

from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.auth import check_call, header_text, read_headers, readable
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.faults.calls import Arrival, CallGate
from tradewright.simulator.frames import read_object
from tradewright.simulator.rest.calls import Accounts, Answer, Call, Endpoint, Result, too_many_visits
from tradewright.simulator.rest.limits import Budget, RateLimits

BODY_BYTES_MAX = 256 * 1024
Fields = dict[str, Any]


class RestServer:
    """All endpoints behind one catch-all route, because an unknown path needs Bybit's own answer."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        members: Accounts,
        gate: CallGate,
        limits: RateLimits,
        wall_ms: Callable[[], int],
    ) -> None:
        self._endpoints = {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}
        self._members = members
        self._gate = gate
        self._wall_ms = wall_ms
        self._limits = limits

    async def serve(self, request: web.Request) -> web.Response:
        try:
            content = await request.read()
        except web.HTTPRequestEntityTooLarge:
            text = f"params error: the body is larger than {BODY_BYTES_MAX} bytes"
            return self._refused(ApiError(RetCode.BAD_PARAMETER, text, http_status=400), None)
        if request.method == "GET" and content:
            return web.Response(status=403, text="A GET must not carry a body.")
        payload = _raw_query(request) if request.method == "GET" else content
        params = _query(payload) if request.method == "GET" else _object(payload)
        arrival = self._arrival(request, payload, {} if isinstance(params, ApiError) else params)
        return await self._gate.call(request, arrival, lambda: self._processed(request, payload, params))

    def _arrival(self, request: web.Request, payload: bytes, params: Fields) -> Arrival:
        """Who asks and for what, as far as it can be read before anything is checked."""
        public_half = header_text(request.headers, "X-BAPI-API-KEY")
        key = self._members.find(public_half) if public_half else None
        return Arrival(
            way="rest",
            method=request.method,
            path=readable(request.path),
            uid="" if key is None else key.uid,
            key=public_half,
            params=params,
            content=payload,
        )

    def _processed(self, request: web.Request, payload: bytes, params: Fields | ApiError) -> web.Response:
        """Check a call and carry it out. What of its parameters could not be read is only told to who may ask."""
        route = (request.method, request.path)
        endpoint = self._endpoints.get(route)
        if endpoint is None and self._members.serves(route):
            endpoint = self._members.endpoint(route, None)
        if endpoint is None:
            text = f"route not found: {request.method} {readable(request.path)}"
            return self._refused(ApiError(RetCode.UNKNOWN_PATH, text, http_status=404), None)
        budget: Budget | None = None
        try:
            key = self._authenticate(endpoint, request, payload)
            if isinstance(params, ApiError):
                raise params
            if key is not None:
                endpoint = self._members.endpoint(route, key)
                budget = self._limits.spend(key.uid, endpoint, params, now_ms=self._wall_ms())
                if budget is not None and not budget.granted:
                    raise too_many_visits()
            granted = endpoint.items(params) if budget is None else budget.granted
            answer = endpoint.handle(Call(params=params, now_ms=self._wall_ms(), key=key, granted=granted))
            if not isinstance(answer, Answer):
                answer = Answer(answer, {})
            return self._reply(0, "OK", answer.result, budget, extra=answer.extra, beside=answer.beside)
        except ApiError as error:
            return self._refused(error, budget)

    def _authenticate(self, endpoint: Endpoint, request: web.Request, payload: bytes) -> ApiKey | None:
        if not endpoint.private:
            return None
        key = check_call(read_headers(request.headers), payload, keys=self._members, now_ms=self._wall_ms())
        if endpoint.writes and key.read_only:
            raise ApiError(RetCode.NO_PERMISSION, "Permission denied, please check your API key permissions.")
        return key

    def _refused(self, error: ApiError, budget: Budget | None) -> web.Response:
        return self._reply(
            int(error.code), error.text, error.result, budget, http_status=error.http_status, extra=error.extra
        )

    def _reply(
        self,
        code: int,
        text: str,
        result: Result | list[Result],
        budget: Budget | None,
        *,
        http_status: int = 200,
        extra: Result | None = None,
        beside: Result | None = None,
    ) -> web.Response:
        """Bybit's envelope, always with all five keys, and the rate-limit headers where there is a limit."""
        now_ms = self._wall_ms()
        headers = {"Traceid": uuid4().hex, "Timenow": str(now_ms)}
        if budget is not None:
            headers |= budget.headers()
        envelope = {"retCode": code, "retMsg": text, "result": result, "retExtInfo": extra or {}, "time": now_ms}
        envelope |= beside or {}
        return web.Response(
            body=msgspec.json.encode(envelope), status=http_status, headers=headers, content_type="application/json"
        )


def _raw_query(request: web.Request) -> bytes:
    """The query exactly as it was written, for that is what is signed."""
    return request.raw_path.partition("?")[2].encode(errors="surrogateescape")


def _query(raw: bytes) -> Fields:
    """The parameters of a query; of a name that comes twice the last."""
    return dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))


def _object(body: bytes) -> Fields | ApiError:
    """The JSON object of a body, or the refusal of what is none: 10001 with HTTP 400."""
    try:
        return read_object(body or b"{}")
    except ValueError as error:
        return ApiError(RetCode.BAD_PARAMETER, f"params error: {error}", http_status=400)
