"""Routes of runs: which there are, one as it stands, what is wished of it, its events, trades and report.

Who may ask is checked here; what is asked in `bots`. What is wished is done by the owner of the run's account, which
says so in its events. Not here: starting one (`routes_bots`), files (`routes_run_exports`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request
from starlette.responses import Response

from tradewright.bots import event_queries, run_queries, wishes
from tradewright.bots.event_queries import EventFilter
from tradewright.bots.model import EventKind, EventLevel, RunState
from tradewright.bots.run_queries import TRADES_PAGE_MAX, RunFilter
from tradewright.core.clock import milliseconds
from tradewright.identity.model import Principal
from tradewright.web.auth import Reader, Trader
from tradewright.web.bots import actor_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_trading import CursorQuery
from tradewright.web.schemas.base import Environment, SymbolText
from tradewright.web.schemas.runs import (
    RunAnswer,
    RunEventPage,
    RunExtension,
    RunPage,
    RunReportAnswer,
    RunStop,
    RunTradePage,
)

PAGE_MAX = 200
SequenceQuery = Annotated[int | None, Query(ge=0, lt=2**53)]


def _runs(
    state: Annotated[list[RunState], Query(max_length=9, description="Any of these; none: whatever")] = [],  # noqa: B006
    bot_id: Annotated[UUID | None, Query()] = None,
    account_id: Annotated[UUID | None, Query()] = None,
    environment: Annotated[Environment | None, Query()] = None,
    symbol: Annotated[SymbolText | None, Query()] = None,
) -> RunFilter:
    return RunFilter(states=state or None, bot_id=bot_id, account_id=account_id, environment=environment, symbol=symbol)


def _events(
    kind: Annotated[list[EventKind], Query(max_length=18, description="Any of these; none: whatever")] = [],  # noqa: B006
    level: Annotated[EventLevel, Query(description="The least")] = "info",
    intent_id: Annotated[UUID | None, Query()] = None,
    search: Annotated[str | None, Query(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = None,
) -> EventFilter:
    return EventFilter(kinds=kind, level=level, intent_id=intent_id, search=search)


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["runs"])
    one = "/runs/{run_id}"
    for path, reader, model, name, statuses in (
        ("/runs", read_runs, RunPage, "readRuns", (401, 422)),
        (one, read_run, RunAnswer, "readRun", (401, 404, 422)),
        (f"{one}/events", read_events, RunEventPage, "readRunEvents", (401, 404, 422)),
        (f"{one}/trades", read_trades, RunTradePage, "readRunTrades", (401, 404, 422)),
        (f"{one}/report", read_report, RunReportAnswer, "readRunReport", (401, 404, 409, 422)),
    ):
        routes.add_api_route(
            path, reader, methods=["GET"], response_model=model, operation_id=name, responses=problems(*statuses)
        )
    for wish, command in (
        ("pause", post_pause),
        ("resume", post_resume),
        ("extend", post_extend),
        ("stop", post_stop),
    ):
        routes.add_api_route(
            f"{one}/{wish}",
            command,
            methods=["POST"],
            response_model=RunAnswer,
            operation_id=f"{wish}Run",
            responses=problems(401, 403, 404, 409, 422),
        )
    return routes


async def read_runs(
    parts: Parts,
    caller: Reader,
    wanted: Annotated[RunFilter, Depends(_runs)],
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    before: CursorQuery = None,
) -> Response:
    """The workspace's runs, newest first, those of removed bots among them."""
    async with parts.engine.connect() as connection:
        rows, following = await run_queries.list_runs(
            connection,
            caller.membership.workspace_id,
            wanted,
            slots=parts.run_slots,
            limit=limit,
            before=before,
        )
    return JsonAnswer({"runs": rows, "next": following})


async def read_run(parts: Parts, caller: Reader, run_id: UUID) -> Response:
    """One as it stands."""
    return await _answer(parts, caller, run_id)


async def read_events(
    parts: Parts,
    caller: Reader,
    run_id: UUID,
    wanted: Annotated[EventFilter, Depends(_events)],
    after: SequenceQuery = None,
    before: SequenceQuery = None,
    limit: Annotated[int, Query(ge=1, le=event_queries.PAGE_MAX)] = 200,
) -> Response:
    """Events by sequence: oldest first from the one after `after`, or newest first from the one before `before`;
    neither: the newest. Of both, `after` counts."""
    workspace_id = caller.membership.workspace_id
    async with parts.engine.connect() as connection:
        page = await event_queries.read_events(
            connection, workspace_id, run_id, wanted, after=after, before=before, limit=limit
        )
        run = await run_queries.require_run(connection, workspace_id, run_id)
    removed = run["events_removed_at"]
    return JsonAnswer(
        {
            "events": page.events,
            "next": page.next,
            "event_seq": run["event_seq"],
            "events_removed_ms": None if removed is None else milliseconds(removed),
        }
    )


async def read_trades(
    parts: Parts,
    caller: Reader,
    run_id: UUID,
    after: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=TRADES_PAGE_MAX)] = 200,
) -> Response:
    """Its trades, in the order in which they ended."""
    async with parts.engine.connect() as connection:
        rows, following = await run_queries.read_trades(
            connection, caller.membership.workspace_id, run_id, limit=limit, after=after
        )
    return JsonAnswer({"trades": rows, "next": following})


async def read_report(parts: Parts, caller: Reader, run_id: UUID) -> Response:
    """What became of it, once it has ended."""
    async with parts.engine.connect() as connection:
        report = await run_queries.read_report(connection, caller.membership.workspace_id, run_id)
    return JsonAnswer({"report": report})


async def post_pause(request: Request, parts: Parts, caller: Trader, run_id: UUID) -> Response:
    """No new entries; stops stay at the exchange and exits are managed."""
    return await _pause(request, parts, caller, run_id, paused=True)


async def post_resume(request: Request, parts: Parts, caller: Trader, run_id: UUID) -> Response:
    """Entries again."""
    return await _pause(request, parts, caller, run_id, paused=False)


async def post_extend(
    request: Request, parts: Parts, caller: Trader, run_id: UUID, body: Annotated[RunExtension, Body()]
) -> Response:
    """A longer duration, at most a week in all. The same again changes nothing."""
    async with parts.engine.begin() as connection:
        await wishes.extend_run(connection, actor_of(request, parts, caller), run_id, body.duration_ms)
    return await _answer(parts, caller, run_id)


async def post_stop(
    request: Request, parts: Parts, caller: Trader, run_id: UUID, body: Annotated[RunStop, Body()]
) -> Response:
    """Stops it gently, now, or now and closes its position. A stronger wish takes a weaker one's place."""
    async with parts.engine.begin() as connection:
        await wishes.stop_run(connection, actor_of(request, parts, caller), run_id, body.how)
    return await _answer(parts, caller, run_id)


async def _pause(request: Request, parts: WebParts, caller: Principal, run_id: UUID, *, paused: bool) -> Response:
    async with parts.engine.begin() as connection:
        await wishes.pause_run(connection, actor_of(request, parts, caller), run_id, paused=paused)
    return await _answer(parts, caller, run_id)


async def _answer(parts: WebParts, caller: Principal, run_id: UUID) -> Response:
    async with parts.engine.connect() as connection:
        found = await run_queries.read_run(connection, caller.membership.workspace_id, run_id, parts.run_slots)
    return JsonAnswer({"run": found})
