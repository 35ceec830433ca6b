"""Routes of exchange connections: add an account by its key, look at what came of it, remove it.

What is secret is sealed in the request and never comes back out.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.web.auth import Reader, Trader
from tradewright.web.contract import problems
from tradewright.web.errors import NotReady
from tradewright.web.parts import Parts
from tradewright.web.schemas.connections import (
    ConnectionAnswer,
    ConnectionList,
    EnvironmentList,
    NewConnection,
    RemoveConnection,
)


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
    raise NotReady("connections are not served yet")


async def read_connections(parts: Parts, caller: Reader) -> Response:
    """The workspace's connections, oldest first, without those that were removed."""
    raise NotReady("connections are not served yet")


async def post_connection(
    request: Request, parts: Parts, caller: Trader, body: Annotated[NewConnection, Body()]
) -> Response:
    """Stores the key sealed; the worker opens it, asks the exchange about it and takes or refuses it."""
    raise NotReady("connections are not served yet")


async def read_connection(parts: Parts, caller: Reader, connection_id: UUID) -> Response:
    """One connection as it stands."""
    raise NotReady("connections are not served yet")


async def post_check(parts: Parts, caller: Trader, connection_id: UUID) -> Response:
    """Has the worker ask the exchange about the key again."""
    raise NotReady("connections are not served yet")


async def post_remove(
    request: Request, parts: Parts, caller: Trader, connection_id: UUID, body: Annotated[RemoveConnection, Body()]
) -> Response:
    """Wipes the key and lets the account rest. Orders and positions at the exchange stay as they are."""
    raise NotReady("connections are not served yet")
