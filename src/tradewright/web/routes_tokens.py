"""Routes of API tokens: make one, list them, revoke one. None of them is for tokens themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.identity import api_tokens
from tradewright.identity.model import TokenId
from tradewright.web.auth import Reader, caller_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.tokens import MadeToken, TokenBody, TokenList
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["tokens"])
    routes.add_api_route(
        "/tokens",
        read_tokens,
        methods=["GET"],
        response_model=TokenList,
        operation_id="readTokens",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/tokens",
        post_token,
        methods=["POST"],
        status_code=201,
        response_model=MadeToken,
        operation_id="postToken",
        responses=problems(401, 403, 409, 422),
        openapi_extra=step_up_mark(),
    )
    routes.add_api_route(
        "/tokens/{token_id}/revoke",
        post_revoke,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="revokeToken",
        responses=problems(401, 403, 404, 422),
    )
    return routes


async def read_tokens(parts: Parts, caller: Reader) -> Response:
    """The caller's tokens in this workspace; what they are is not among it."""
    async with parts.engine.connect() as database:
        found = await api_tokens.list_tokens(database, caller)
    now = parts.clock.now()
    tokens = [_view(each, now) for each in found]
    return JsonAnswer({"tokens": tokens, "maximum": api_tokens.TOKENS_OF_USER_MAX})


async def post_token(request: Request, parts: Parts, caller: Reader, body: Annotated[TokenBody, Body()]) -> Response:
    """Makes a token for the caller in this workspace. This answer is the only one that holds it."""
    await require_step_up(parts, caller)
    asked = api_tokens.NewToken(name=body.name, scopes=frozenset(body.scopes), expires_in_days=body.expires_in_days)
    async with parts.engine.begin() as database:
        now = parts.clock.now()
        made = await api_tokens.make_token(database, caller, asked, now=now, ids=parts.ids, ip=caller_of(request).ip)
    return JsonAnswer({"token": _view(made.token, now), "text": made.text}, 201)


async def post_revoke(request: Request, parts: Parts, caller: Reader, token_id: UUID) -> Response:
    """Ends a token of the caller's at once, in open streams too."""
    async with parts.engine.begin() as database:
        await api_tokens.revoke_token(
            database, caller, TokenId(token_id), now=parts.clock.now(), ids=parts.ids, ip=caller_of(request).ip
        )
    return Response(status_code=204, headers={"cache-control": "no-store"})


def _view(token: api_tokens.ApiToken, now: datetime) -> dict[str, Any]:
    return {
        "id": str(token.id),
        "name": token.name,
        "scopes": list(token.scopes),
        "ending": token.ending,
        "created_ms": milliseconds(token.created_at),
        "expires_ms": milliseconds(token.expires_at),
        "ended": token.expires_at <= now,
        "last_used_ms": None if token.last_used_at is None else milliseconds(token.last_used_at),
        "last_used_ip": token.last_used_ip,
    }
