"""The application factory.

Lives here: which routes there are and what every request passes through, from the outside in. Not here: a route, a
header, a rule. `routes_only` needs no parts, so the contract document can be written without a database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import BaseRoute

from tradewright.web import (
    errors,
    health,
    routes_alerts,
    routes_arming,
    routes_audit,
    routes_backtests,
    routes_bots,
    routes_connection_changes,
    routes_connections,
    routes_differences,
    routes_exports,
    routes_factors,
    routes_identity,
    routes_installation,
    routes_kill,
    routes_ledger,
    routes_limits,
    routes_login,
    routes_market,
    routes_notifications,
    routes_people,
    routes_profile,
    routes_run_exports,
    routes_runs,
    routes_specs,
    routes_standing,
    routes_strategies,
    routes_tokens,
    routes_top_ups,
    routes_trading,
    routes_workspaces,
)
from tradewright.web.contract import TITLE, contract_of
from tradewright.web.edge import Edge, EdgePolicy
from tradewright.web.parts import WebParts
from tradewright.web.static_files import StaticFile, StaticFiles, packaged_files
from tradewright.web.stream import route as stream_route
from tradewright.web.stream.hub import StreamHub

API_VERSION = "1"


def create_application(
    parts: WebParts, *, page: Mapping[str, StaticFile] | None = None, routes: Sequence[BaseRoute] | None = None
) -> FastAPI:
    """The whole application. `page` replaces the packaged page's files, and `routes` saves making them, for tests.

    Its lifespan runs the browser stream; the parts are started before and closed after by who built them.
    """
    application = routes_only(routes)
    application.state.parts = parts
    application.state.stream = StreamHub(parts)
    application.router.default = StaticFiles(dict(packaged_files() if page is None else page))
    policy = EdgePolicy(
        hosts=frozenset(name.lower() for name in parts.settings.hosts),
        origins=frozenset(origin.lower() for origin in parts.settings.origins),
        proxies=parts.settings.proxies,
    )
    application.add_middleware(Edge, policy=policy)
    return application


def routes_only(routes: Sequence[BaseRoute] | None = None) -> FastAPI:
    """The application's routes, without anything behind them; `routes` are those of `all_routes`, made anew if None."""
    application = FastAPI(
        title=TITLE,
        version=API_VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    # Taken over as they are: `include_router` would make each anew at its first request, and that is most of the work.
    application.router.routes.extend(all_routes() if routes is None else routes)
    application.openapi = lambda: contract_of(application)  # type: ignore[method-assign]
    errors.install(application)
    return application


def all_routes() -> list[BaseRoute]:
    """The routes of every slice. They hold nothing of an application, so several may have the same ones."""
    parts = (
        health,
        routes_identity,
        routes_login,
        routes_factors,
        routes_workspaces,
        routes_people,
        routes_profile,
        routes_installation,
        routes_market,
        routes_trading,
        routes_exports,
        routes_standing,
        routes_ledger,
        routes_kill,
        routes_limits,
        routes_arming,
        routes_differences,
        routes_connections,
        routes_connection_changes,
        routes_top_ups,
        routes_specs,
        routes_backtests,
        routes_strategies,
        routes_bots,
        routes_runs,
        routes_run_exports,
        routes_notifications,
        routes_alerts,
        routes_tokens,
        routes_audit,
        stream_route,
    )
    return [route for part in parts for route in part.router().routes]


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    stream = asyncio.create_task(application.state.stream.run(), name="stream")
    try:
        yield
    finally:
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)
