"""Routes of the second step of a login, and of the login by a passkey. Not here: the password (`routes_identity`)."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.errors import InvalidInput, Problem
from tradewright.identity import second_step
from tradewright.web.contract import problems
from tradewright.web.login_cookie import arriving, login_token_of, set_login_cookie
from tradewright.web.parts import Parts
from tradewright.web.passkey_site import site_of
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_identity import opened_answer
from tradewright.web.schemas.factors import PasskeyAsked, PasskeyLoginBody, PasskeyQuestionBody, SecondStepBody
from tradewright.web.schemas.identity import SessionState
from tradewright.web.secret_box import UserSecrets


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1/login", tags=["identity"])
    routes.add_api_route(
        "/second",
        second,
        methods=["POST"],
        response_model=SessionState,
        operation_id="loginSecond",
        responses=problems(401, 403, 409, 422, 429, 503),
    )
    routes.add_api_route(
        "/passkey/question",
        ask_passkey,
        methods=["POST"],
        response_model=PasskeyAsked,
        operation_id="askLoginPasskey",
        responses=problems(401, 403, 409, 422, 429),
    )
    routes.add_api_route(
        "/passkey",
        by_passkey,
        methods=["POST"],
        response_model=SessionState,
        operation_id="loginByPasskey",
        responses=problems(401, 403, 409, 422),
    )
    return routes


async def second(request: Request, parts: Parts, body: SecondStepBody) -> Response:
    """Ends a login whose password was right: by a code of the authenticator, a recovery code, or a passkey."""
    if (body.code is None) == (body.passkey is None):
        raise InvalidInput([Problem("proof.one_way", "")])
    token, who = login_token_of(request, parts), arriving(request, parts)
    if body.code is not None:
        box = UserSecrets(parts)
        opened = await second_step.by_code(parts.engine, token, body.code, box=box, arriving=who)
    else:
        site = site_of(request, parts)
        opened = await second_step.by_passkey(parts.engine, token, body.passkey or {}, site=site, arriving=who)
    return await opened_answer(request, parts, opened, status=200)


async def ask_passkey(request: Request, parts: Parts, body: PasskeyQuestionBody) -> Response:
    """What the browser is to ask a passkey. The answer is good once, within five minutes, from this browser."""
    site, who = site_of(request, parts), arriving(request, parts)
    if body.second:
        token = login_token_of(request, parts)
        return JsonAnswer({"question": await second_step.ask_second_passkey(parts.engine, token, site, who)})
    fresh, question = await second_step.ask_any_passkey(parts.engine, site, who)
    response = JsonAnswer({"question": question})
    set_login_cookie(response, request, parts, fresh)
    return response


async def by_passkey(request: Request, parts: Parts, body: PasskeyLoginBody) -> Response:
    """Opens a session by a passkey alone; the one that the caller had ends."""
    opened = await second_step.by_passkey_alone(
        parts.engine,
        login_token_of(request, parts),
        body.passkey,
        site=site_of(request, parts),
        arriving=arriving(request, parts),
    )
    return await opened_answer(request, parts, opened, status=200)
