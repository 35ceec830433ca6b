"""Routes of another key, region or proxy for a connection: ask for it, or give it up.

Lives here: the two routes. Not here: the connections themselves (`routes_connections`). What is secret is sealed in the
request and never comes back out; until the exchange has said that the new one is good, the old one holds.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.connections import changes
from tradewright.connections.change_model import AskedChange, Changed, NewKey, NewProxy
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.secret import SecretText
from tradewright.web.auth import Trader
from tradewright.web.connection_answers import actor_of, connection_answer
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.schemas.connections import ChangeConnection, ConnectionAnswer
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["connections"])
    routes.add_api_route(
        "/connections/{connection_id}/change",
        post_change,
        methods=["POST"],
        status_code=202,
        response_model=ConnectionAnswer,
        operation_id="changeConnection",
        openapi_extra=step_up_mark(),
        responses=problems(401, 403, 404, 409, 422, 503),
    )
    routes.add_api_route(
        "/connections/{connection_id}/change/drop",
        post_drop_change,
        methods=["POST"],
        response_model=ConnectionAnswer,
        operation_id="dropConnectionChange",
        responses=problems(401, 403, 404, 422),
    )
    return routes


async def post_change(
    request: Request, parts: Parts, caller: Trader, connection_id: UUID, body: Annotated[ChangeConnection, Body()]
) -> Response:
    """Stores what is new sealed; the worker opens it, asks the exchange, and puts it in the place of what was."""
    asked = _asked_change(body)
    await require_step_up(parts, caller)
    parts.sealing_key()
    async with parts.engine.begin() as database:
        changed = await changes.ask_change(
            database,
            caller.membership.workspace_id,
            connection_id,
            asked,
            sealing_key=parts.sealing_key,
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return connection_answer(parts, changed, status=202)


async def post_drop_change(request: Request, parts: Parts, caller: Trader, connection_id: UUID) -> Response:
    """Gives up a change that waits, or puts a refused one away."""
    async with parts.engine.begin() as database:
        kept = await changes.drop_change(
            database,
            caller.membership.workspace_id,
            connection_id,
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return connection_answer(parts, kept)


def _asked_change(body: ChangeConnection) -> AskedChange:
    """Raises `InvalidInput` for a key without its secret, or a secret without its key."""
    if (body.key is None) != (body.secret is None):
        raise InvalidInput([Problem("input.missing", "key" if body.key is None else "secret")])
    key = None
    if body.key is not None and body.secret is not None:
        key = NewKey(body.key.get_secret_value(), SecretText(body.secret.get_secret_value()))
    proxy = None
    if not body.keep_proxy:
        proxy = NewProxy(None if body.proxy is None else SecretText(body.proxy.get_secret_value()))
    return AskedChange(id=body.id, changed=Changed(key=key, proxy=proxy), region=body.region)
