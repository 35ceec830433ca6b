"""Routes of the kill switch. They answer also while the database does not: a session that was verified within the last
ten minutes is remembered for them, and for nothing else. They are about the workspace that the page shows, where its
person is in it: a tab whose session went on to another workspace must not have to load anew before it can stop.

Not here: what is done (`web.kill`).
"""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from tradewright.identity.model import Role
from tradewright.web import kill
from tradewright.web.auth import Shown, act_as, caller_of, credential_of, in_shown, principal_or_none, require_role
from tradewright.web.contract import problems
from tradewright.web.errors import NotReady, NotSignedIn
from tradewright.web.kill import DATABASE_WITHIN_S, Puller
from tradewright.web.parts import Parts, parts_of
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.kill import (
    KillAnswer,
    KillBody,
    KillState,
    ReleaseAnswer,
    ReleaseBody,
    TakeDownAnswer,
    TakeDownBody,
)

_NOBODY_REMEMBERED_S = 10.0


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["kill"])
    routes.add_api_route(
        "/kill",
        read_kill,
        methods=["GET"],
        response_model=KillState,
        operation_id="readKill",
        responses=problems(401, 503),
    )
    routes.add_api_route(
        "/kill",
        post_kill,
        methods=["POST"],
        response_model=KillAnswer,
        operation_id="kill",
        responses=problems(401, 403, 404, 422, 503),
    )
    routes.add_api_route(
        "/kill/release",
        post_release,
        methods=["POST"],
        response_model=ReleaseAnswer,
        operation_id="releaseKill",
        responses=problems(401, 403, 404, 422, 503),
    )
    routes.add_api_route(
        "/accounts/{account_id}/take-down",
        post_take_down,
        methods=["POST"],
        response_model=TakeDownAnswer,
        operation_id="takeDown",
        responses=problems(401, 403, 404, 422, 503),
    )
    return routes


async def _puller(request: Request, shown: str | None, needed: Role) -> Puller:
    """By the database where it answers in time, else from memory. Raises `NotSignedIn`, `Forbidden`, `NotReady`,
    `WorkspaceChanged`."""
    parts = parts_of(request)
    ip = caller_of(request).ip
    task = asyncio.ensure_future(principal_or_none(request))
    done, _ = await asyncio.wait({task}, timeout=DATABASE_WITHIN_S)
    failure = task.exception() if done else None
    if done and failure is None:
        principal, is_remembered = task.result(), False
        if principal is None:
            raise NotSignedIn("no session, or it has ended; log in")
    else:
        if failure is not None and not isinstance(failure, SQLAlchemyError | OSError):
            raise failure
        token = credential_of(request, parts)
        principal = None if token is None else parts.remembered.principal(token, parts.clock)
        is_remembered = principal is not None
        if principal is None and not done:
            await asyncio.wait({task}, timeout=_NOBODY_REMEMBERED_S)  # nothing else can tell
            if task.done() and task.exception() is None:
                principal = task.result()
                if principal is None:
                    raise NotSignedIn("no session, or it has ended; log in")
        if not task.done():
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        elif not task.cancelled():
            task.exception()  # looked at: it is not told as forgotten
        if principal is None:
            if token is None:
                raise NotSignedIn("no session; log in")
            raise NotReady(
                "the database does not answer, and this session was not seen here within the last ten minutes; on the"
                " machine itself, use: tradewright kill"
            )
    principal = in_shown(shown, principal)
    act_as(request, principal)  # in this task, too; and who is remembered has not been asked for it
    return Puller(require_role(principal, needed), is_remembered, ip)


async def _reader(request: Request, shown: Shown) -> Puller:
    return await _puller(request, shown, "viewer")


async def _trader(request: Request, shown: Shown) -> Puller:
    return await _puller(request, shown, "trader")


Looker = Annotated[Puller, Depends(_reader)]
Stopper = Annotated[Puller, Depends(_trader)]


async def read_kill(parts: Parts, puller: Looker) -> Response:
    """What is stopped, and how far it is carried out."""
    return JsonAnswer(await kill.state(parts, puller))


async def post_kill(parts: Parts, puller: Stopper, body: Annotated[KillBody, Body()]) -> Response:
    """Stops an account, the workspace or the installation, until it is released. Asked again it changes nothing, but
    may add that positions are closed."""
    pulled = await kill.pull(parts, puller, body.scope, body.account_id, close=body.close_positions)
    return JsonAnswer(
        {
            "latch": kill.latch_view(pulled.latch),
            "reached": pulled.reached,
            "durable": pulled.is_durable,
            "accounts": kill.account_views(pulled.accounts, puller.principal),
        }
    )


async def post_release(parts: Parts, puller: Stopper, body: Annotated[ReleaseBody, Body()]) -> Response:
    """Releases every stop of exactly this scope. What was cancelled stays cancelled."""
    released = await kill.release(parts, puller, body.scope, body.account_id)
    return JsonAnswer({"released": [kill.latch_view(latch) for latch in released]})


async def post_take_down(
    parts: Parts, puller: Stopper, account_id: UUID, body: Annotated[TakeDownBody, Body()]
) -> Response:
    """Cancels every order of an account once, foreign ones too, straight at the exchange, and closes where wanted."""
    left = await kill.take_down(parts, puller, account_id, body.id, close=body.close_positions)
    return JsonAnswer(left)
