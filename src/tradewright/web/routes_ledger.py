"""Routes of the ledger: results over a period, entries, breaks. All of them only read.

Who may ask is checked here; a foreign account is answered like one that does not exist (`trading.ledger.queries`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import AccountId
from tradewright.trading.ledger import queries
from tradewright.trading.ledger.queries import Period, ResultBy
from tradewright.web.auth import Reader
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.ledger import LedgerBreaks, LedgerPage, Results

PAGE_MAX = 200
_LATEST_MS = 4_102_444_800_000  # 2100-01-01
_USUAL = timedelta(days=30)

MomentQuery = Annotated[int | None, Query(ge=0, lt=_LATEST_MS)]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1/accounts/{account_id}", tags=["ledger"])
    reads = problems(401, 404, 422)
    routes.add_api_route(
        "/pnl", read_results, methods=["GET"], response_model=Results, operation_id="readResults", responses=reads
    )
    routes.add_api_route(
        "/ledger", read_ledger, methods=["GET"], response_model=LedgerPage, operation_id="readLedger", responses=reads
    )
    routes.add_api_route(
        "/ledger/breaks",
        read_breaks,
        methods=["GET"],
        response_model=LedgerBreaks,
        operation_id="readLedgerBreaks",
        responses=reads,
    )
    return routes


async def read_results(
    parts: Parts,
    caller: Reader,
    account_id: UUID,
    by: Annotated[ResultBy, Query()] = "account",
    from_ms: MomentQuery = None,
    to_ms: MomentQuery = None,
) -> Response:
    """Profit, fees and funding of [from_ms, to_ms), by the exchange's clock; without bounds the last thirty days."""
    until = parts.clock.now() if to_ms is None else from_milliseconds(to_ms)
    since = max(until - _USUAL, from_milliseconds(0)) if from_ms is None else from_milliseconds(from_ms)
    if since > until:
        raise InvalidInput([Problem("input.range", "from_ms", {"maximum": str(milliseconds(until))})])
    period = Period(since=since, until=until)
    workspace, account = caller.membership.workspace_id, AccountId(account_id)
    async with parts.engine.connect() as connection:
        rows = await queries.results(connection, workspace, account, period, by)
        worth = await queries.worth_by_day(connection, workspace, account, period)
    bounds = {"from_ms": milliseconds(since), "to_ms": milliseconds(until)}
    return JsonAnswer({"by": by, **bounds, "rows": rows, "worth": worth})


async def read_ledger(
    parts: Parts,
    caller: Reader,
    account_id: UUID,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="`next` of the page before")] = None,
) -> Response:
    """Entries, newest first."""
    async with parts.engine.connect() as connection:
        sets, following = await queries.entries(
            connection, caller.membership.workspace_id, AccountId(account_id), limit=limit, before=before
        )
    return JsonAnswer({"sets": sets, "next": following})


async def read_breaks(parts: Parts, caller: Reader, account_id: UUID) -> Response:
    """Where the ledger and the exchange differ, open differences first."""
    async with parts.engine.connect() as connection:
        found = await queries.breaks(connection, caller.membership.workspace_id, AccountId(account_id))
    return JsonAnswer(found)
