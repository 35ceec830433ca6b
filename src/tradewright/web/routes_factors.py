"""Routes of proving who one is: step-up. Not here: login and logout (`routes_identity`)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.identity.step_up import prove_by_password
from tradewright.web.auth import Reader, caller_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.factors import SteppedUp, StepUpBody


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1/session", tags=["identity"])
    routes.add_api_route(
        "/step-up",
        step_up,
        methods=["POST"],
        response_model=SteppedUp,
        operation_id="stepUp",
        responses=problems(401, 403, 422, 429),
    )
    return routes


async def step_up(request: Request, parts: Parts, caller: Reader, body: StepUpBody) -> Response:
    """Proves once more who is asking; for ten minutes this session may do what needs it."""
    until = await prove_by_password(
        parts.engine,
        caller,
        body.password,
        passwords=parts.passwords,
        clock=parts.clock,
        ids=parts.ids,
        caller=caller_of(request),
    )
    return JsonAnswer({"until_ms": milliseconds(until)})
