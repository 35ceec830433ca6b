"""Routes of how an account stands beside its orders: its request budget, and going on after it was stopped."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.ids import AccountId
from tradewright.trading import queries
from tradewright.trading.asking import Asker
from tradewright.trading.resume_command import resume
from tradewright.web.auth import Reader, Trader, caller_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.accounts import RateBudget, ResumeAnswer


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["trading"])
    account = "/accounts/{account_id}"
    routes.add_api_route(
        f"{account}/budget",
        read_budget,
        methods=["GET"],
        response_model=RateBudget,
        operation_id="readBudget",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{account}/resume",
        post_resume,
        methods=["POST"],
        response_model=ResumeAnswer,
        operation_id="resumeAccount",
        responses=problems(401, 403, 404, 422),
    )
    return routes


async def read_budget(parts: Parts, caller: Reader, account_id: UUID) -> Response:
    """What is used of the request budget, as the account's owner told it last: about once a second while it changes."""
    async with parts.engine.connect() as connection:
        found = await queries.budget(connection, caller.membership.workspace_id, AccountId(account_id))
    return JsonAnswer(found)


async def post_resume(request: Request, parts: Parts, caller: Trader, account_id: UUID) -> Response:
    """Goes on after the exchange refused the key or the account itself; if it still does, the next order stops it
    again.

    The account's owner hears of it within a second; the account in the stream says so then.
    """
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
        was_stopped = await resume(asker)
    return JsonAnswer({"was_stopped": was_stopped})
