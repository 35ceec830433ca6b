"""Routes of a run's files: its events and its trades, as CSV or as JSON. Not here: the files (`web.run_exports`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from tradewright.web.auth import Reader
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.run_exports import export_run
from tradewright.web.schemas.runs import RunEventsFile, RunTradesFile
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["runs"])
    for table, handler, operation in (
        ("events", read_events_csv, "exportRunEventsCsv"),
        ("trades", read_trades_csv, "exportRunTradesCsv"),
    ):
        told: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "Oldest first"}
        routes.add_api_route(
            f"/runs/{{run_id}}/export/{table}.csv",
            handler,
            methods=["GET"],
            response_class=Response,
            operation_id=operation,
            openapi_extra=step_up_mark(),
            responses={200: told, **problems(401, 403, 404, 422)},
        )
    for table, handler, operation, shape in (
        ("events", read_events_json, "exportRunEventsJson", RunEventsFile),
        ("trades", read_trades_json, "exportRunTradesJson", RunTradesFile),
    ):
        routes.add_api_route(
            f"/runs/{{run_id}}/export/{table}.json",
            handler,
            methods=["GET"],
            response_model=shape,
            operation_id=operation,
            openapi_extra=step_up_mark(),
            responses=problems(401, 403, 404, 422),
        )
    return routes


async def read_events_csv(parts: Parts, caller: Reader, run_id: UUID) -> Response:
    """A run's events as CSV (UTF-8, RFC 4180), safe from formulas."""
    await require_step_up(parts, caller)
    return await export_run(parts, caller.membership.workspace_id, run_id, "events", "csv")


async def read_trades_csv(parts: Parts, caller: Reader, run_id: UUID) -> Response:
    """A run's trades as CSV (UTF-8, RFC 4180), safe from formulas."""
    await require_step_up(parts, caller)
    return await export_run(parts, caller.membership.workspace_id, run_id, "trades", "csv")


async def read_events_json(parts: Parts, caller: Reader, run_id: UUID) -> Response:
    """A run's events as one JSON file, a line for each."""
    await require_step_up(parts, caller)
    return await export_run(parts, caller.membership.workspace_id, run_id, "events", "json")


async def read_trades_json(parts: Parts, caller: Reader, run_id: UUID) -> Response:
    """A run's trades as one JSON file, a line for each."""
    await require_step_up(parts, caller)
    return await export_run(parts, caller.membership.workspace_id, run_id, "trades", "json")
