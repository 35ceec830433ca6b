"""Routes of arming: whether a live account may open positions, arming it, disarming it.

Who may ask is checked here, and that somebody has just proved who they are. Not here: what is missing and what is
written (`trading.arming`), the sending (the account's owner, in another process).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.connections.model import Actor
from tradewright.core.clock import milliseconds
from tradewright.core.ids import AccountId
from tradewright.core.money import parse_decimal, plain
from tradewright.identity.model import Principal
from tradewright.trading import queries
from tradewright.trading.arming import commands
from tradewright.trading.arming.model import ARMED_FOR, ARMED_FOR_MAX, Arming, Standing, over, phrases
from tradewright.trading.arming.store import last_ended, read_standing
from tradewright.web.auth import Owner, Reader, Trader, caller_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.arming import ArmingBody, ArmingState
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["arming"])
    routes.add_api_route(
        "/accounts/{account_id}/arming",
        read_arming,
        methods=["GET"],
        response_model=ArmingState,
        operation_id="readArming",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        "/accounts/{account_id}/arming",
        post_arming,
        methods=["POST"],
        response_model=ArmingState,
        operation_id="armAccount",
        responses=problems(401, 403, 404, 409, 422),
        openapi_extra=step_up_mark(),
    )
    routes.add_api_route(
        "/accounts/{account_id}/disarm",
        post_disarm,
        methods=["POST"],
        response_model=ArmingState,
        operation_id="disarmAccount",
        responses=problems(401, 403, 404, 422),
    )
    return routes


async def read_arming(parts: Parts, caller: Reader, account_id: UUID) -> Response:
    """Whether the account may open positions with real money, until when, and what is missing where it may not."""
    return await _state(parts, caller, AccountId(account_id))


async def post_arming(
    request: Request, parts: Parts, caller: Owner, account_id: UUID, body: Annotated[ArmingBody, Body()]
) -> Response:
    """Arms a live account until it lapses: by its time, or at once with its key, a loosened limit, the role of who
    armed it, a kill. Needs the workspace's owner, the typed phrase, and a fresh proof of who asks."""
    async with parts.engine.connect() as connection:
        await queries.require_account(connection, caller.membership.workspace_id, AccountId(account_id))
    await require_step_up(parts, caller)
    asked = commands.NewArming(
        id=body.id,
        phrase=body.phrase,
        lasts=timedelta(seconds=body.lasts_s),
        confirm_above=parse_decimal(body.confirm_above),
    )
    async with parts.engine.begin() as connection:
        await commands.arm(
            connection,
            caller.membership.workspace_id,
            AccountId(account_id),
            asked,
            real_trading=parts.settings.real_trading,
            actor=_actor(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return await _state(parts, caller, AccountId(account_id))


async def post_disarm(request: Request, parts: Parts, caller: Trader, account_id: UUID) -> Response:
    """Nothing opens with real money from here on; what takes exposure off still goes. Needs no proof: it reduces."""
    async with parts.engine.begin() as connection:
        await commands.disarm(
            connection,
            caller.membership.workspace_id,
            AccountId(account_id),
            actor=_actor(request, caller),
            clock=parts.clock,
            ids=parts.ids,
        )
    return await _state(parts, caller, AccountId(account_id))


async def _state(parts: WebParts, caller: Principal, account_id: AccountId) -> Response:
    workspace_id = caller.membership.workspace_id
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, workspace_id, account_id)
        standing = await read_standing(connection, workspace_id, account_id)
        ended = await last_ended(connection, workspace_id, account_id)
    needed, most = account["environment"] == "live", standing.limits.order_notional
    missing = commands.missing(standing) if needed else []
    return JsonAnswer(
        {
            "account_id": str(account_id),
            "environment": account["environment"],
            "needed": needed,
            "real_trading": parts.settings.real_trading,
            "armed": _armed(standing, real_trading=parts.settings.real_trading),
            "ended": None if ended is None else _ended(ended),
            "missing": [{"code": each.code, "field": each.field, "params": dict(each.params)} for each in missing],
            "phrases": None if standing.key is None else dict(phrases(standing.key.name)),
            "order_notional": None if most is None else plain(most),
            "lasts_s": _seconds(ARMED_FOR),
            "lasts_s_max": _seconds(ARMED_FOR_MAX),
        }
    )


def _armed(standing: Standing, *, real_trading: bool) -> dict[str, Any] | None:
    """As the owner takes it: what is over is not armed, whether or not that was written down yet."""
    arming = standing.arming
    if arming is None or over(standing, real_trading=real_trading) is not None:
        return None
    return {
        "by": standing.armed_by_name or "",
        "since_ms": milliseconds(arming.armed_at),
        "until_ms": milliseconds(arming.armed_until),
        "confirm_above": plain(arming.confirm_above),
    }


def _ended(arming: Arming) -> dict[str, Any]:
    assert arming.ended_at is not None, "it is over"
    return {"at_ms": milliseconds(arming.ended_at), "why": arming.ended_why}


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)


def _actor(request: Request, caller: Principal) -> Actor:
    return Actor(user_id=caller.user.id, ip=caller_of(request).ip)
