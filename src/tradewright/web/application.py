"""The application factory.

Lives here: which routes there are and what every request passes through, from the outside in. Not here: a route, a
header, a rule. `routes_only` needs no parts, so the contract document can be written without a database.
"""

from __future__ import annotations

from fastapi import FastAPI

from tradewright.web import errors, health, routes_identity, routes_market, routes_trading
from tradewright.web.contract import TITLE, contract_of
from tradewright.web.parts import WebParts

API_VERSION = "1"


def routes_only() -> FastAPI:
    """The application's routes, without anything behind them."""
    application = FastAPI(
        title=TITLE,
        version=API_VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    for part in (health, routes_identity, routes_market, routes_trading):
        application.include_router(part.router())
    application.openapi = lambda: contract_of(application)  # type: ignore[method-assign]
    errors.install(application)
    return application


def create_application(parts: WebParts) -> FastAPI:
    application = routes_only()
    application.state.parts = parts
    return application
