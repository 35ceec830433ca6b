"""The WebSocket's route: who may connect. Host and Origin were checked before (`web.edge`)."""

from __future__ import annotations

from typing import cast

import structlog
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket

from tradewright.core.errors import AppError
from tradewright.web.auth import principal_or_none
from tradewright.web.stream.connection import CLOSE_SESSION_ENDED, CLOSE_TRY_LATER
from tradewright.web.stream.hub import StreamHub

log = structlog.get_logger(__name__)


def router() -> APIRouter:
    routes = APIRouter()
    routes.add_api_websocket_route("/api/v1/stream", stream)
    return routes


async def stream(websocket: WebSocket) -> None:
    """A browser cannot see why a handshake was refused: who has no session is accepted and told by the close code."""
    try:
        principal = await principal_or_none(websocket)
    except AppError as error:  # an API token that does not hold, or is asked too often
        await websocket.accept()
        await websocket.close(CLOSE_SESSION_ENDED, error.code)
        return
    except SQLAlchemyError as error:
        log.error("stream.database_away", error=type(error).__name__)
        await websocket.accept()
        await websocket.close(CLOSE_TRY_LATER, "the database does not answer")
        return
    await websocket.accept()
    if principal is not None and principal.is_replaced:  # it would stay open: the page has the new cookie by then
        await websocket.close(CLOSE_TRY_LATER, "the session has another cookie now; connect again")
        return
    if principal is None:
        await websocket.close(CLOSE_SESSION_ENDED, "no session; log in")
        return
    await cast("StreamHub", websocket.app.state.stream).serve(websocket, principal)
