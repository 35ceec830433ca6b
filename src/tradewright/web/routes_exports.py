"""Routes of what leaves as a file: an account's tables as CSV. Not here: the files (`web.exports`)."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from tradewright.core.ids import AccountId
from tradewright.web.auth import Reader
from tradewright.web.contract import problems
from tradewright.web.exports import ExportTable, export
from tradewright.web.parts import Parts
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["trading"])
    routes.add_api_route(
        "/accounts/{account_id}/export/{table}.csv",
        read_export,
        methods=["GET"],
        response_class=Response,
        operation_id="exportTable",
        openapi_extra=step_up_mark(),
        responses={
            200: {
                "content": {"text/csv": {"schema": {"type": "string"}}},
                "description": "The whole table, newest first",
            },
            **problems(401, 403, 404, 422),
        },
    )
    return routes


async def read_export(parts: Parts, caller: Reader, account_id: UUID, table: ExportTable) -> Response:
    """A whole table as CSV (UTF-8, RFC 4180), safe from formulas."""
    await require_step_up(parts, caller)
    return await export(parts, caller.membership.workspace_id, AccountId(account_id), table)
