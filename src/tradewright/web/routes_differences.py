"""Routes of differences between us and the exchange. Not here: what is done (`trading.differences`)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tradewright.core.ids import AccountId
from tradewright.trading.asking import Asker
from tradewright.trading.differences.command import decide
from tradewright.trading.differences.queries import differences
from tradewright.web.auth import Reader, Trader, caller_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.differences import DecideBody, Difference, DifferenceList, DifferenceState


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["differences"])
    path = "/accounts/{account_id}/differences"
    routes.add_api_route(
        path,
        read_differences,
        methods=["GET"],
        response_model=DifferenceList,
        operation_id="readDifferences",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{path}/{{difference_id}}/decide",
        post_decision,
        methods=["POST"],
        response_model=Difference,
        operation_id="decideDifference",
        responses=problems(401, 403, 404, 409, 422),
    )
    return routes


async def read_differences(
    parts: Parts,
    caller: Reader,
    account_id: UUID,
    state: Annotated[DifferenceState | None, Query(description="Only those; without it all")] = None,
) -> Response:
    """The newest 200 differences, those that wait for a decision first."""
    async with parts.engine.connect() as connection:
        found = await differences(connection, caller.membership.workspace_id, AccountId(account_id), state)
    return JsonAnswer({"differences": found})


async def post_decision(
    request: Request,
    parts: Parts,
    caller: Trader,
    account_id: UUID,
    difference_id: UUID,
    body: Annotated[DecideBody, Body()],
) -> Response:
    """Adopts (it is ours from here on), ignores (it stays, and counts as external) or closes (the order is cancelled,
    the foreign part of the position taken off). Asked again it answers the same."""
    async with parts.engine.begin() as connection:
        asker = Asker(
            connection=connection,
            workspace_id=caller.membership.workspace_id,
            account_id=AccountId(account_id),
            user_id=caller.user.id,
            ip=caller_of(request).ip,
            clock=parts.clock,
            ids=parts.ids,
        )
        found = await decide(asker, difference_id, body.decision, version=body.version, always=body.always)
    return JsonAnswer(found)
