"""Health: alive, and able to serve.

`/healthz` says that the process answers; `/readyz` asks the database, whether the rules of the exchange are known, and
whether a worker looks after the accounts.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from tradewright.trading.ownership import IS_LOOKED_AFTER
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.health import Health, Readiness

DATABASE_TIMEOUT_S = 2.0


def router() -> APIRouter:
    routes = APIRouter(tags=["health"])
    routes.add_api_route("/healthz", healthz, methods=["GET"], response_model=Health, operation_id="healthz")
    routes.add_api_route(
        "/readyz",
        readyz,
        methods=["GET"],
        response_model=Readiness,
        operation_id="readyz",
        responses={503: {"model": Readiness}},
    )
    return routes


async def healthz(parts: Parts) -> Response:
    """The process answers."""
    return JsonAnswer({"status": "ok", "version": parts.settings.version})


async def readyz(parts: Parts) -> Response:
    """The database answers, the rules of an exchange are known (or no exchange is asked for anything yet), and a worker
    was seen in the last seconds that owns every account."""
    is_looked_after = await _is_looked_after(parts)
    checks = {
        "database": is_looked_after is not None,
        "instruments": parts.markets.know_instruments,
        "worker": bool(is_looked_after),
    }
    is_ready = all(checks.values())
    named = {name: "ok" if good else "unavailable" for name, good in checks.items()}
    return JsonAnswer({"status": "ok" if is_ready else "unavailable", "checks": named}, 200 if is_ready else 503)


async def _is_looked_after(parts: WebParts) -> bool | None:
    """None where the database does not answer."""
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_S), parts.engine.connect() as connection:
            return bool(await connection.scalar(text(IS_LOOKED_AFTER)))
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
