"""Routes of exchange connections: add an account by its key, look at what came of it, rename it, remove it.

Not here: another key, region or proxy (`routes_connection_changes`), play money (`routes_top_ups`). What is secret is
sealed in the request and never comes back out.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.connections import changes, commands, queries
from tradewright.connections.model import Credentials
from tradewright.connections.model import NewConnection as AskedConnection
from tradewright.core.environment import ENVIRONMENTS, Environment
from tradewright.trading.provision import rename_account, rest_account_of
from tradewright.web.auth import Reader, Trader
from tradewright.web.connection_answers import actor_of, connection_answer
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.connections import (
    ConnectionAnswer,
    ConnectionList,
    EnvironmentList,
    NewConnection,
    RemoveConnection,
    RenameConnection,
)
from tradewright.web.step_up import require_step_up, step_up_mark
from tradewright.web.views_connections import connection_view, environment_view


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["connections"])
    routes.add_api_route(
        "/environments",
        read_environments,
        methods=["GET"],
        response_model=EnvironmentList,
        operation_id="readEnvironments",
        responses=problems(401),
    )
    routes.add_api_route(
        "/connections",
        read_connections,
        methods=["GET"],
        response_model=ConnectionList,
        operation_id="readConnections",
        responses=problems(401),
    )
    routes.add_api_route(
        "/connections",
        post_connection,
        methods=["POST"],
        status_code=202,
        response_model=ConnectionAnswer,
        operation_id="postConnection",
        openapi_extra=step_up_mark(),
        responses=problems(401, 403, 409, 422, 503),
    )
    routes.add_api_route(
        "/connections/{connection_id}",
        read_connection,
        methods=["GET"],
        response_model=ConnectionAnswer,
        operation_id="readConnection",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        "/connections/{connection_id}/check",
        post_check,
        methods=["POST"],
        status_code=202,
        response_model=ConnectionAnswer,
        operation_id="checkConnection",
        responses=problems(401, 403, 404, 409, 422),
    )
    routes.add_api_route(
        "/connections/{connection_id}/rename",
        post_rename,
        methods=["POST"],
        response_model=ConnectionAnswer,
        operation_id="renameConnection",
        responses=problems(401, 403, 404, 409, 422),
    )
    routes.add_api_route(
        "/connections/{connection_id}/remove",
        post_remove,
        methods=["POST"],
        response_model=ConnectionAnswer,
        operation_id="removeConnection",
        responses=problems(401, 403, 404, 409, 422),
    )
    return routes


async def read_environments(parts: Parts, _caller: Reader) -> Response:
    """The environments, what each can do, and whether a connection can be added there now."""
    return JsonAnswer({"environments": [_environment(parts, each) for each in ENVIRONMENTS]})


async def read_connections(parts: Parts, caller: Reader) -> Response:
    """The workspace's connections, oldest first, without those that were removed."""
    async with parts.engine.connect() as database:
        found = await queries.list_connections(database, caller.membership.workspace_id)
    return JsonAnswer({"connections": [connection_view(each, parts.rest_address, parts.clock.now()) for each in found]})


async def post_connection(
    request: Request, parts: Parts, caller: Trader, body: Annotated[NewConnection, Body()]
) -> Response:
    """Stores the key sealed; the worker opens it, asks the exchange about it and takes or refuses it."""
    await require_step_up(parts, caller)
    parts.sealing_key()  # that there is one is said before anything else
    digest_key = parts.digest_key()
    async with parts.engine.begin() as database:
        added = await commands.add_connection(
            database,
            caller.membership.workspace_id,
            _asked(body),
            sealing_key=parts.sealing_key,
            digest_key=digest_key,
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
            real_trading=parts.settings.real_trading,
            quotas=parts.quotas,
        )
    return connection_answer(parts, added, status=202)


async def read_connection(parts: Parts, caller: Reader, connection_id: UUID) -> Response:
    """One connection as it stands."""
    async with parts.engine.connect() as database:
        found = await queries.read_connection(database, caller.membership.workspace_id, connection_id)
    return connection_answer(parts, found)


async def post_check(request: Request, parts: Parts, caller: Trader, connection_id: UUID) -> Response:
    """Has the worker ask the exchange about the key again."""
    async with parts.engine.begin() as database:
        asked = await commands.ask_check(
            database,
            caller.membership.workspace_id,
            connection_id,
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return connection_answer(parts, asked, status=202)


async def post_rename(
    request: Request, parts: Parts, caller: Trader, connection_id: UUID, body: Annotated[RenameConnection, Body()]
) -> Response:
    """Calls the connection and its account by another name."""
    async with parts.engine.begin() as database:
        renamed = await changes.rename_connection(
            database,
            caller.membership.workspace_id,
            connection_id,
            name=body.name,
            rename_account=rename_account,
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return connection_answer(parts, renamed)


async def post_remove(
    request: Request, parts: Parts, caller: Trader, connection_id: UUID, body: Annotated[RemoveConnection, Body()]
) -> Response:
    """Wipes the key and lets the account rest. Orders and positions at the exchange stay as they are."""
    async with parts.engine.begin() as database:
        removed = await commands.remove_connection(
            database,
            caller.membership.workspace_id,
            connection_id,
            name=body.name,
            rest_account=rest_account_of,
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return connection_answer(parts, removed)


def _environment(parts: WebParts, environment: Environment) -> dict[str, Any]:
    return environment_view(environment, parts.rest_address, real_trading=parts.settings.real_trading)


def _asked(body: NewConnection) -> AskedConnection:
    proxy = None if body.proxy is None else body.proxy.get_secret_value()
    return AskedConnection(
        id=body.id,
        environment=body.environment,
        name=body.name,
        region=body.region,
        credentials=Credentials.of(body.key.get_secret_value(), body.secret.get_secret_value(), proxy),
    )
