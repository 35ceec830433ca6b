"""Routes of the audit trail: its entries with filters, as CSV, the story of an order, how heads were exported.

Who may see what is decided here: an owner sees all of the workspace, everybody else their own deeds in it, the operator
also what concerns no workspace. Not here: the questions (`audit.queries`, `audit.story`), CSV (`web.views_audit`).
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request
from starlette.responses import Response

from tradewright.audit import queries
from tradewright.audit.model import AuditEntry
from tradewright.audit.queries import Filter, Sight
from tradewright.audit.store import record
from tradewright.audit.story import story_of_order
from tradewright.core.clock import from_milliseconds
from tradewright.core.ids import AccountId
from tradewright.identity.model import Principal
from tradewright.web.auth import Owner, Reader, caller_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_ledger import MomentQuery
from tradewright.web.routes_trading import CursorQuery
from tradewright.web.schemas.audit import (
    AuditExports,
    AuditPage,
    OrderStoryAnswer,
    SensitiveDigest,
    SensitiveValue,
)
from tradewright.web.step_up import require_step_up, step_up_mark
from tradewright.web.views_audit import csv_of

PAGE_MAX = 200
_WORD = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$"
_ACTOR = r"^(system|exchange|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"

_Word = Annotated[str | None, Query(max_length=64, pattern=_WORD)]


def _filter(
    from_ms: MomentQuery = None,
    to_ms: MomentQuery = None,
    actor: Annotated[str | None, Query(pattern=_ACTOR, description="A user's id, `system` or `exchange`")] = None,
    action: Annotated[
        str | None, Query(max_length=64, pattern=_WORD, description="`order.place`, or `order` for all of its kind")
    ] = None,
    object_kind: _Word = None,
    object_id: Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")] = None,
    account_id: Annotated[UUID | None, Query()] = None,
    outcome: _Word = None,
) -> Filter:
    return Filter(
        since=None if from_ms is None else from_milliseconds(from_ms),
        until=None if to_ms is None else from_milliseconds(to_ms),
        actor=UUID(actor) if actor is not None and "-" in actor else actor,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        account_id=account_id,
        outcome=outcome,
    )


_Wanted = Annotated[Filter, Depends(_filter)]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["audit"])
    routes.add_api_route(
        "/audit",
        read_audit,
        methods=["GET"],
        response_model=AuditPage,
        operation_id="readAudit",
        responses=problems(401, 422),
    )
    routes.add_api_route(
        "/audit/export.csv",
        export_audit,
        methods=["GET"],
        response_class=Response,
        operation_id="exportAudit",
        responses={
            200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "Entries, newest first"},
            **problems(401, 403, 422),
        },
        openapi_extra=step_up_mark(),
    )
    routes.add_api_route(
        "/audit/exports",
        read_exports,
        methods=["GET"],
        response_model=AuditExports,
        operation_id="readAuditExports",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/audit/digest",
        post_digest,
        methods=["POST"],
        response_model=SensitiveDigest,
        operation_id="digestSensitiveValue",
        responses=problems(401, 403, 422, 503),
    )
    routes.add_api_route(
        "/accounts/{account_id}/orders/{order_id}/story",
        read_story,
        methods=["GET"],
        response_model=OrderStoryAnswer,
        operation_id="readOrderStory",
        responses=problems(401, 404, 422),
    )
    return routes


async def read_audit(
    parts: Parts,
    caller: Reader,
    wanted: _Wanted,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    before: CursorQuery = None,
) -> Response:
    """What was done, newest first."""
    sight = _sight(caller)
    async with parts.engine.connect() as connection:
        rows, following = await queries.entries(connection, sight, wanted, limit=limit, before=before)
        people = await queries.people(connection, sight)
    return JsonAnswer({"entries": rows, "next": following, "whole": sight.only_of is None, "people": people})


async def export_audit(request: Request, parts: Parts, caller: Reader, wanted: _Wanted) -> Response:
    """The same entries as CSV (UTF-8, RFC 4180), safe from formulas. That it was exported is an entry itself."""
    await require_step_up(parts, caller)
    now = parts.clock.now()
    entry = AuditEntry(
        id=parts.ids.new(),
        at=now,
        actor_kind="user",
        actor_id=caller.user.id,
        action="audit.export",
        object_kind="workspace",
        object_id=str(caller.membership.workspace_id),
        outcome="done",
        workspace_id=caller.membership.workspace_id,
        after=_told(wanted),
        ip=caller_of(request).ip,
    )
    async with parts.engine.begin() as connection:
        await record(connection, entry)
    return await csv_of(parts.engine, _sight(caller), wanted, name=f"audit {now:%Y-%m-%d}.csv")


async def read_exports(parts: Parts, _caller: Owner) -> Response:
    """When the heads of the chains were last written to their file and sent to the operator's address."""
    async with parts.engine.connect() as connection:
        return JsonAnswer({"exports": await queries.exports(connection)})


async def post_digest(parts: Parts, _caller: Owner, body: Annotated[SensitiveValue, Body()]) -> Response:
    """What the trail shows where this value was: to find out whether it was this one. Nothing is written."""
    return JsonAnswer({"digest": parts.digest_key().shown(body.value)})


async def read_story(parts: Parts, caller: Reader, account_id: UUID, order_id: UUID) -> Response:
    """One order's story: who wanted what, when and why, and all that was done about it."""
    async with parts.engine.connect() as connection:
        story = await story_of_order(connection, caller.membership.workspace_id, AccountId(account_id), order_id)
    return JsonAnswer({"story": story})


def _sight(caller: Principal) -> Sight:
    is_owner = caller.membership.allows("owner")
    return Sight(
        caller.membership.workspace_id,
        only_of=None if is_owner else caller.user.id,
        with_installation=caller.user.is_operator,
    )


def _told(wanted: Filter) -> dict[str, Any]:
    """The filter as plain values, without what it leaves open."""
    return {name: str(value) for name in Filter.__slots__ if (value := getattr(wanted, name)) is not None}
