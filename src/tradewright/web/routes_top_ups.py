"""Routes of play money: ask the exchange for some for a demo account, and look at what came of it.

Lives here: the two routes. Not here: how often it may be asked for (`connections.top_ups`), the asking itself, which is
the worker's (`connections.top_up_rounds`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.connections import queries, top_ups
from tradewright.web.auth import Reader, Trader
from tradewright.web.connection_answers import actor_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.connections import AskTopUp, TopUpAnswer
from tradewright.web.views_connections import top_up_view


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["connections"])
    routes.add_api_route(
        "/connections/{connection_id}/top-up",
        read_top_up,
        methods=["GET"],
        response_model=TopUpAnswer,
        operation_id="readTopUp",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        "/connections/{connection_id}/top-up",
        post_top_up,
        methods=["POST"],
        status_code=202,
        response_model=TopUpAnswer,
        operation_id="topUp",
        responses=problems(401, 403, 404, 409, 422),
    )
    return routes


async def read_top_up(parts: Parts, caller: Reader, connection_id: UUID) -> Response:
    """What became of the last asking for play money; null when there was none."""
    workspace_id = caller.membership.workspace_id
    async with parts.engine.connect() as database:
        await queries.read_connection(database, workspace_id, connection_id)
        found = await top_ups.last_top_up(database, workspace_id, connection_id)
    return JsonAnswer({"top_up": None if found is None else top_up_view(found)})


async def post_top_up(
    request: Request, parts: Parts, caller: Trader, connection_id: UUID, body: Annotated[AskTopUp, Body()]
) -> Response:
    """Has the worker ask the exchange for play money of a demo account."""
    async with parts.engine.begin() as database:
        asked = await top_ups.ask_top_up(
            database,
            caller.membership.workspace_id,
            connection_id,
            top_ups.AskedTopUp(id=body.id, coin=body.coin, amount=Decimal(body.amount)),
            actor=actor_of(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return JsonAnswer({"top_up": top_up_view(asked)}, 202)
