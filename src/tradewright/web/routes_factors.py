"""Routes of a person's own ways in: what there is, step-up, authenticator, recovery codes, passkeys.

Whoever is signed in has them, whatever workspace the page shows. Not here: logging in (`routes_identity`,
`routes_login`), the password (`routes_profile`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import segno
from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.core.errors import InvalidInput, Problem
from tradewright.identity import own_security, step_up
from tradewright.identity.passkey_list import Passkey, passkeys_of
from tradewright.identity.second_factors import read_factors
from tradewright.web.auth import AnyWorkspace, set_session_cookie
from tradewright.web.contract import problems
from tradewright.web.login_cookie import arriving
from tradewright.web.parts import Parts
from tradewright.web.passkey_site import page_origin, rp_id_of, site_of, why_not
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.factors import (
    FactorAdded,
    NewRecoveryCodes,
    PasskeyAsked,
    PasskeyBody,
    PasskeyNameBody,
    SecurityState,
    SteppedUp,
    StepUpBody,
    TotpConfirmBody,
    TotpEnrolment,
)
from tradewright.web.secret_box import UserSecrets
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1/session", tags=["identity"])

    def post(path: str, endpoint: Any, operation: str, *refusals: int, model: Any = None, stepped: bool = True) -> None:
        answer: dict[str, Any] = {"response_model": model}
        if model is None:
            answer = {"status_code": 204, "response_class": Response}
        routes.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            operation_id=operation,
            responses=problems(401, 403, *refusals),
            openapi_extra=step_up_mark() if stepped else None,
            **answer,
        )

    routes.add_api_route(
        "/security",
        read_security,
        methods=["GET"],
        response_model=SecurityState,
        operation_id="readSecurity",
        responses=problems(401),
    )
    post("/step-up", prove, "stepUp", 409, 422, 429, 503, model=SteppedUp, stepped=False)
    post("/step-up/passkey-question", ask_step_up, "askStepUpPasskey", 409, model=PasskeyAsked, stepped=False)
    post("/totp", begin_totp, "beginTotp", 409, 503, model=TotpEnrolment)
    post("/totp/confirm", confirm_totp, "confirmTotp", 404, 409, 422, 503, model=FactorAdded)
    post("/totp/remove", remove_totp, "removeTotp", 404)
    post("/recovery-codes", make_codes, "makeRecoveryCodes", 409, model=NewRecoveryCodes)
    post("/passkeys/question", ask_passkey, "askNewPasskey", 409, model=PasskeyAsked)
    post("/passkeys", add_passkey, "addPasskey", 409, 422, model=FactorAdded)
    post("/passkeys/{passkey_id}/rename", rename_passkey, "renamePasskey", 404, 422, stepped=False)
    post("/passkeys/{passkey_id}/remove", remove_passkey, "removePasskey", 404, 422)
    return routes


async def read_security(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """What ways in the caller has set up, and how they prove once more that it is them."""
    refused = why_not(page_origin(request, parts))
    host = rp_id_of(request, parts)
    async with parts.engine.connect() as connection:
        factors = await read_factors(connection, caller.user.id, host)
        keys = await passkeys_of(connection, caller.user.id)
        until = await step_up.proved_until(connection, caller.session_id)
    now = parts.clock.now()
    totp = None
    if factors.totp_since is not None:
        totp = {"since_ms": milliseconds(factors.totp_since), "locked": factors.totp_locked}
    return JsonAnswer(
        {
            "totp": totp,
            "passkeys": [_passkey(each, host) for each in keys],
            "recovery_left": factors.recovery_left,
            "passkeys_refused": refused,
            "step_up_ways": factors.ways() if factors.has_any else ["password"],
            "step_up_until_ms": None if until is None or until <= now else milliseconds(until),
        }
    )


async def prove(request: Request, parts: Parts, caller: AnyWorkspace, body: StepUpBody) -> Response:
    """Proves once more who is asking; for ten minutes this session may do what needs it. It goes on with another
    cookie, which is in the answer."""
    if [body.password, body.code, body.passkey].count(None) != 2:
        raise InvalidInput([Problem("proof.one_way", "")])
    who = arriving(request, parts)
    if body.password is not None:
        passwords = parts.passwords
        proved = await step_up.prove_by_password(parts.engine, caller, body.password, passwords=passwords, arriving=who)
    elif body.code is not None:
        box = UserSecrets(parts)
        proved = await step_up.prove_by_code(parts.engine, caller, body.code, box=box, arriving=who)
    else:
        site = site_of(request, parts)
        proved = await step_up.prove_by_passkey(parts.engine, caller, body.passkey or {}, site=site, arriving=who)
    response = JsonAnswer({"until_ms": milliseconds(proved.until)})
    if proved.session is not None:
        set_session_cookie(response, request, parts, proved.session)
        parts.remembered.replace(who.replaces, proved.session.token, caller, parts.clock)
    return response


async def ask_step_up(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """What the browser is to ask one of the caller's passkeys. The answer is good once, within five minutes."""
    site = site_of(request, parts)
    return JsonAnswer({"question": await step_up.ask_passkey(parts.engine, caller, site, arriving(request, parts))})


async def begin_totp(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """A fresh secret for an authenticator app, which waits ten minutes for its first code."""
    await require_step_up(parts, caller)
    box = UserSecrets(parts)
    made = await own_security.begin_totp(parts.engine, caller, box=box, arriving=arriving(request, parts))
    code = segno.make(made.uri, error="m", micro=False)
    rows = ["".join("1" if dark else "0" for dark in row) for row in code.matrix_iter(border=2)]
    return JsonAnswer({"secret": made.secret, "uri": made.uri, "qr": rows})


async def confirm_totp(request: Request, parts: Parts, caller: AnyWorkspace, body: TotpConfirmBody) -> Response:
    """The first code of a fresh secret makes it the caller's second factor."""
    await require_step_up(parts, caller)
    box = UserSecrets(parts)
    codes = await own_security.confirm_totp(
        parts.engine, caller, body.code.strip(), box=box, arriving=arriving(request, parts)
    )
    return JsonAnswer({"recovery_codes": codes})


async def remove_totp(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """Removes the authenticator; with the last factor the recovery codes go as well."""
    await require_step_up(parts, caller)
    await own_security.remove_totp(parts.engine, caller, arriving=arriving(request, parts))
    return _done()


async def make_codes(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """Ten new recovery codes, shown once; those of before are no good any more."""
    await require_step_up(parts, caller)
    codes = await own_security.make_recovery_codes(parts.engine, caller, arriving=arriving(request, parts))
    return JsonAnswer({"recovery_codes": codes})


async def ask_passkey(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """What the browser is to ask the device that is to have a passkey."""
    await require_step_up(parts, caller)
    site = site_of(request, parts)
    question = await own_security.ask_new_passkey(parts.engine, caller, site, arriving(request, parts))
    return JsonAnswer({"question": question})


async def add_passkey(request: Request, parts: Parts, caller: AnyWorkspace, body: PasskeyBody) -> Response:
    """Keeps a passkey for this host name."""
    await require_step_up(parts, caller)
    _, codes = await own_security.add_passkey(
        parts.engine,
        caller,
        body.name.strip(),
        body.passkey,
        site=site_of(request, parts),
        arriving=arriving(request, parts),
    )
    return JsonAnswer({"recovery_codes": codes})


async def rename_passkey(
    request: Request, parts: Parts, caller: AnyWorkspace, passkey_id: UUID, body: PasskeyNameBody
) -> Response:
    """Calls a passkey otherwise."""
    who = arriving(request, parts)
    await own_security.rename_passkey(parts.engine, caller, passkey_id, body.name.strip(), arriving=who)
    return _done()


async def remove_passkey(request: Request, parts: Parts, caller: AnyWorkspace, passkey_id: UUID) -> Response:
    """Removes a passkey; with the last factor the recovery codes go as well."""
    await require_step_up(parts, caller)
    await own_security.remove_passkey(parts.engine, caller, passkey_id, arriving=arriving(request, parts))
    return _done()


def _passkey(key: Passkey, host: str | None) -> dict[str, object]:
    return {
        "id": str(key.id),
        "name": key.name,
        "host": key.rp_id,
        "works_here": key.rp_id == host and not key.is_suspect,
        "synced": key.synced,
        "suspect": key.is_suspect,
        "created_ms": milliseconds(key.created_at),
        "last_used_ms": None if key.last_used_at is None else milliseconds(key.last_used_at),
    }


def _done() -> Response:
    return Response(status_code=204, headers={"cache-control": "no-store"})
