"""The cookie of a login under way: it binds the second step, and the answer of a passkey, to the browser that began.

Lives here: its name, attributes and `arriving`. It is no session and opens nothing. Not here: a session's (`auth`).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tradewright.identity.entering import Arriving
from tradewright.identity.half_open import LIFETIME
from tradewright.web.auth import TOKEN_LENGTH_MAX, caller_of, is_secure, token_of
from tradewright.web.parts import WebParts


def login_token_of(request: Request, parts: WebParts) -> str | None:
    token = request.cookies.get(_name(request, parts))
    return token if token and len(token) <= TOKEN_LENGTH_MAX else None


def set_login_cookie(response: Response, request: Request, parts: WebParts, token: str) -> None:
    response.set_cookie(
        _name(request, parts),
        token,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def clear_login_cookie(response: Response, request: Request, parts: WebParts) -> None:
    response.delete_cookie(_name(request, parts), path="/", secure=is_secure(request), httponly=True, samesite="strict")


def arriving(request: Request, parts: WebParts) -> Arriving:
    """Who logs in or proves themselves, from where, and the session they had so far."""
    return Arriving(
        caller=caller_of(request),
        clock=parts.clock,
        ids=parts.ids,
        replaces=token_of(request, parts),
        limits=parts.session_limits,
    )


def _name(request: Request, parts: WebParts) -> str:
    return "__Host-tradewright-login" if is_secure(request) else f"tradewright_{parts.settings.port}_login"
