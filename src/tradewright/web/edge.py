"""What every request passes through before a route: headers, host, origin, size; and the answer to the unexpected.

Lives here: `Edge`, one ASGI wrapper around the application. Not here: the decisions (`web.security`), errors that are
answers (`web.errors`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewright.web.proxied import Network, as_told_by_proxy
from tradewright.web.responses import problem_answer
from tradewright.web.security import host_is_ours, origin_is_ours, security_headers

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 1_000_000
BODY_TIMEOUT_S = 30.0
LINGER_S = 5.0
LINGER_BYTES_MAX = 200_000_000
PATH_LENGTH_MAX = 4_096

_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class _TooLarge(Exception):
    pass


class _Gone(Exception):
    """The client left before its body was whole: nobody is there to answer."""


@dataclass(frozen=True, slots=True)
class EdgePolicy:
    """`hosts`, `origins` and `proxies` as in `WebSettings`, lower case."""

    hosts: frozenset[str]
    origins: frozenset[str]
    proxies: tuple[Network, ...] = ()


class Edge:
    def __init__(self, app: ASGIApp, *, policy: EdgePolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        told = as_told_by_proxy(scope, self._policy.proxies) if self._policy.proxies else scope
        scope = told or scope
        headers = security_headers(scope)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] in _STARTS:
                started = True
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        try:
            answer = self._refusal(scope) if told is not None else _not_by_proxy()
            if answer is None and scope["type"] == "http":
                body = await _body_of(scope, receive)
                receive = _replayed(body, receive)
            if answer is None:
                await self._app(scope, receive, send_with_headers)
                return
        except _Gone:
            return
        except _TooLarge:
            await _answer_too_large(scope, receive, send_with_headers)
            return
        except TimeoutError:
            answer = problem_answer(408, "request.too_slow", "the body did not arrive in time", retryable=True)
        except Exception:
            log.exception("web.unexpected", path=scope["path"], method=scope.get("method", "WEBSOCKET"))
            if started:
                raise  # an answer is under way; cutting it off is all that is left
            answer = problem_answer(500, "internal", "something unexpected happened; the server's log has it")
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        if len(scope["path"]) > PATH_LENGTH_MAX or len(scope["query_string"]) > PATH_LENGTH_MAX:
            return problem_answer(414, "request.too_long", f"the address is longer than {PATH_LENGTH_MAX} characters")
        if not host_is_ours(scope, self._policy.hosts):
            return problem_answer(
                421,
                "request.host_refused",
                "this server does not answer to that name; open it as localhost, or add the name to TRADEWRIGHT_NAMES",
            )
        if not origin_is_ours(scope, self._policy.origins):
            return problem_answer(403, "request.origin_refused", "a write must come from this server's own page")
        return None


def _not_by_proxy() -> Response:
    return problem_answer(
        403,
        "request.proxy_refused",
        "this server is reached through its proxy alone, which speaks https and says so (X-Forwarded-Proto)",
    )


async def _body_of(scope: Scope, receive: Receive) -> bytes:
    """The whole body, at most `BODY_BYTES_MAX`. Raises `_TooLarge`, `_Gone`, or `TimeoutError` after 30 s."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not declared.isdigit() or int(declared[:20]) > BODY_BYTES_MAX:
        raise _TooLarge
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(BODY_TIMEOUT_S):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > BODY_BYTES_MAX:
                raise _TooLarge
            if not message.get("more_body", False):
                return b"".join(parts)


async def _answer_too_large(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 413 at once, and then takes and drops what the client is still sending, for a while: closing a connection
    with bytes unread resets it, and the client would never see the answer."""

    async def send_all_but_the_end(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    detail = f"the body is larger than {BODY_BYTES_MAX} bytes; send less"
    params = {"maximum": str(BODY_BYTES_MAX)}
    answer = problem_answer(413, "request.too_large", detail, params=params, headers={"connection": "close"})
    await answer(scope, receive, send_all_but_the_end)
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while dropped < LINGER_BYTES_MAX:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body in one piece, and then what comes after it: the disconnect."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
