"""Routes of backtests: ask for one, see how far it is, read its report, cancel it, remove it.

Who may ask is checked here; what is asked in `backtests`. One of another workspace is answered like one that does not
exist. Nothing here runs a backtest: that is done by the jobs process.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tradewright.backtests import commands, queries
from tradewright.backtests.model import Actor
from tradewright.identity.model import Principal
from tradewright.web.auth import Reader, Trader, caller_of
from tradewright.web.backtests import ask_backtest, stored_series
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_trading import CursorQuery
from tradewright.web.schemas.backtests import (
    BacktestAnswer,
    BacktestPage,
    BacktestRemoved,
    CandleSeriesList,
    NewBacktest,
    ReportAnswer,
)

PAGE_MAX = 200


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["backtests"])
    one = "/backtests/{backtest_id}"
    routes.add_api_route(
        "/candle-series",
        read_candle_series,
        methods=["GET"],
        response_model=CandleSeriesList,
        operation_id="readCandleSeries",
        responses=problems(401),
    )
    routes.add_api_route(
        "/backtests",
        post_backtest,
        methods=["POST"],
        status_code=202,
        response_model=BacktestAnswer,
        operation_id="postBacktest",
        responses=problems(401, 403, 409, 422, 429, 503),
    )
    routes.add_api_route(
        "/backtests",
        read_backtests,
        methods=["GET"],
        response_model=BacktestPage,
        operation_id="readBacktests",
        responses=problems(401, 422),
    )
    routes.add_api_route(
        one,
        read_backtest,
        methods=["GET"],
        response_model=BacktestAnswer,
        operation_id="readBacktest",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{one}/report",
        read_report,
        methods=["GET"],
        response_model=ReportAnswer,
        operation_id="readBacktestReport",
        responses=problems(401, 404, 409, 422),
    )
    routes.add_api_route(
        f"{one}/cancel",
        post_cancel,
        methods=["POST"],
        response_model=BacktestAnswer,
        operation_id="cancelBacktest",
        responses=problems(401, 403, 404, 422),
    )
    routes.add_api_route(
        f"{one}/remove",
        post_remove,
        methods=["POST"],
        response_model=BacktestRemoved,
        operation_id="removeBacktest",
        responses=problems(401, 403, 404, 409, 422),
    )
    return routes


async def read_candle_series(parts: Parts, _caller: Reader) -> Response:
    """The candles that are stored in this installation, for everybody in it."""
    return JsonAnswer({"series": await stored_series(parts.candles)})


async def post_backtest(
    request: Request, parts: Parts, caller: Trader, body: Annotated[NewBacktest, Body()]
) -> Response:
    """Queues a backtest. The same id and body again is the same backtest, as it is now; another body is a 409."""
    return JsonAnswer({"backtest": await ask_backtest(parts, _actor(request, parts, caller), body)}, 202)


async def read_backtests(
    parts: Parts, caller: Reader, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50, before: CursorQuery = None
) -> Response:
    """The workspace's backtests, newest first."""
    async with parts.engine.connect() as connection:
        rows, following = await queries.list_backtests(
            connection, caller.membership.workspace_id, limit=limit, before=before
        )
    return JsonAnswer({"backtests": rows, "next": following})


async def read_backtest(parts: Parts, caller: Reader, backtest_id: UUID) -> Response:
    """One as it stands: ask again to see how far it is."""
    async with parts.engine.connect() as connection:
        found = await queries.read_backtest(connection, caller.membership.workspace_id, backtest_id)
    return JsonAnswer({"backtest": found})


async def read_report(parts: Parts, caller: Reader, backtest_id: UUID) -> Response:
    """The report of one that has finished."""
    async with parts.engine.connect() as connection:
        report = await queries.read_report(connection, caller.membership.workspace_id, backtest_id)
    return JsonAnswer({"report": msgspec.Raw(report.encode())})


async def post_cancel(request: Request, parts: Parts, caller: Trader, backtest_id: UUID) -> Response:
    """One that waits is cancelled at once, one that runs within moments; one that has ended stays as it is."""
    async with parts.engine.begin() as connection:
        found = await commands.cancel_backtest(connection, _actor(request, parts, caller), backtest_id)
    return JsonAnswer({"backtest": found})


async def post_remove(request: Request, parts: Parts, caller: Trader, backtest_id: UUID) -> Response:
    """Wipes one that has ended, with its report."""
    async with parts.engine.begin() as connection:
        await commands.remove_backtest(connection, _actor(request, parts, caller), backtest_id)
    return JsonAnswer({"removed": str(backtest_id)})


def _actor(request: Request, parts: WebParts, caller: Principal) -> Actor:
    return Actor(
        workspace_id=caller.membership.workspace_id,
        user_id=caller.user.id,
        ip=caller_of(request).ip,
        clock=parts.clock,
        ids=parts.ids,
    )
