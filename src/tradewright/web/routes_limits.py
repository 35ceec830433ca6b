"""Routes of risk limits. Not here: what is done (`web.limits`)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.core.ids import AccountId
from tradewright.web.auth import Reader, caller_of
from tradewright.web.contract import problems
from tradewright.web.limits import limits_state, put_limits
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.limits import LimitsBody, LimitsState
from tradewright.web.step_up import step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["limits"])
    routes.add_api_route(
        "/accounts/{account_id}/limits",
        read_limits,
        methods=["GET"],
        response_model=LimitsState,
        operation_id="readLimits",
        responses=problems(401, 404, 422, 503),
    )
    routes.add_api_route(
        "/accounts/{account_id}/limits",
        set_account_limits,
        methods=["PUT"],
        response_model=LimitsState,
        operation_id="setLimits",
        openapi_extra=step_up_mark("sometimes"),
        responses=problems(401, 403, 404, 422, 503),
    )
    return routes


async def read_limits(parts: Parts, caller: Reader, account_id: UUID) -> Response:
    """The limits in force for an account, the level each comes from, and how much of each is used now."""
    return JsonAnswer(await limits_state(parts, caller, AccountId(account_id)))


async def set_account_limits(
    request: Request, parts: Parts, caller: Reader, account_id: UUID, body: Annotated[LimitsBody, Body()]
) -> Response:
    """Sets what one level says, whole; the owners of accounts judge by it at once. Needs the workspace's owner, and
    where it allows more than before the limits' names typed once more and a step-up."""
    ip = caller_of(request).ip
    return JsonAnswer(await put_limits(parts, caller, AccountId(account_id), body, ip=ip))
