"""What the routes of connections share: who asks, for the audit trail, and a connection as the answer."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from tradewright.connections.model import Actor, Connection
from tradewright.identity.model import Principal
from tradewright.web.auth import caller_of
from tradewright.web.parts import WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.views_connections import connection_view


def actor_of(request: Request, caller: Principal) -> Actor:
    return Actor(user_id=caller.user.id, ip=caller_of(request).ip)


def connection_answer(parts: WebParts, found: Connection, *, status: int = 200) -> Response:
    """`status`: 202 where the worker still has to do something."""
    return JsonAnswer({"connection": connection_view(found, parts.rest_address, parts.clock.now())}, status)
