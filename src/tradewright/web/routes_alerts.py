"""Routes of price alerts: list, make, change, pause, go on, remove. Each about the caller's own alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from tradewright.core.clock import from_milliseconds
from tradewright.core.errors import InvalidInput
from tradewright.core.instrument import InstrumentId
from tradewright.notify.alerts import commands
from tradewright.notify.alerts.model import ALERTS_OF_USER_MAX, NewAlert, problems_of
from tradewright.web.auth import Reader, by_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer, empty_answer
from tradewright.web.routes_notifications import whose_of
from tradewright.web.schemas.alerts import AlertBody, AlertList, ChangeAlertBody, PriceAlert

_ALERT = "/alerts/{alert_id}"


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    routes.add_api_route(
        "/alerts",
        read_alerts,
        methods=["GET"],
        response_model=AlertList,
        operation_id="readAlerts",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/alerts",
        post_alert,
        methods=["POST"],
        status_code=201,
        response_model=PriceAlert,
        operation_id="postAlert",
        responses=problems(401, 403, 404, 409, 422, 503),
    )
    routes.add_api_route(
        _ALERT,
        put_alert,
        methods=["PUT"],
        response_model=PriceAlert,
        operation_id="changeAlert",
        responses=problems(401, 403, 404, 409, 422, 503),
    )
    for deed, endpoint in (("pause", post_pause), ("resume", post_resume)):
        routes.add_api_route(
            f"{_ALERT}/{deed}",
            endpoint,
            methods=["POST"],
            response_model=PriceAlert,
            operation_id=f"{deed}Alert",
            responses=problems(401, 403, 404, 409, 422),
        )
    routes.add_api_route(
        f"{_ALERT}/remove",
        post_remove,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="removeAlert",
        responses=problems(401, 403, 404, 422),
    )
    return routes


async def read_alerts(parts: Parts, caller: Reader) -> Response:
    """The caller's price alerts in this workspace."""
    async with parts.engine.connect() as database:
        found = await commands.list_alerts(database, whose_of(caller))
    return JsonAnswer({"alerts": found, "maximum": ALERTS_OF_USER_MAX})


async def post_alert(request: Request, parts: Parts, caller: Reader, body: Annotated[AlertBody, Body()]) -> Response:
    """Waits for a price. It tells when the line is crossed, and never places an order."""
    asked = _asked(parts, body)
    async with parts.engine.begin() as database:
        made = await commands.add_alert(database, whose_of(caller), by_of(request, parts, caller), asked)
    return JsonAnswer(made, 201)


async def put_alert(
    request: Request, parts: Parts, caller: Reader, alert_id: UUID, body: Annotated[ChangeAlertBody, Body()]
) -> Response:
    """Changes what one of the caller's alerts waits for; it waits anew."""
    asked, by = _asked(parts, body), by_of(request, parts, caller)
    async with parts.engine.begin() as database:
        return JsonAnswer(await commands.change_alert(database, whose_of(caller), by, alert_id, body.version, asked))


async def post_pause(request: Request, parts: Parts, caller: Reader, alert_id: UUID) -> Response:
    """One of the caller's alerts waits no more, until it is told to go on."""
    async with parts.engine.begin() as database:
        return JsonAnswer(
            await commands.pause_alert(database, whose_of(caller), by_of(request, parts, caller), alert_id)
        )


async def post_resume(request: Request, parts: Parts, caller: Reader, alert_id: UUID) -> Response:
    """One of the caller's alerts that was paused, or has fired, waits again."""
    async with parts.engine.begin() as database:
        return JsonAnswer(
            await commands.resume_alert(database, whose_of(caller), by_of(request, parts, caller), alert_id)
        )


async def post_remove(request: Request, parts: Parts, caller: Reader, alert_id: UUID) -> Response:
    """Removes one of the caller's alerts."""
    async with parts.engine.begin() as database:
        await commands.remove_alert(database, whose_of(caller), by_of(request, parts, caller), alert_id)
    return empty_answer()


def _asked(parts: WebParts, body: AlertBody) -> NewAlert:
    """Raises `NotFound` and `NotReady` for an instrument that is not known, `InvalidInput` for what it does not
    allow."""
    instrument = InstrumentId(body.category, body.symbol)
    rules = parts.markets.of(body.environment).instruments.require(instrument)
    asked = NewAlert(
        environment=body.environment,
        instrument=instrument,
        price_by=body.price_by,
        direction=body.direction,
        price=Decimal(body.price),
        repeats=body.repeats,
        ends_at=None if body.ends_ms is None else from_milliseconds(body.ends_ms),
        note=body.note,
    )
    found = problems_of(asked, parts.clock.now(), tick=rules.tick_size, has_mark=body.category != "spot")
    if found:
        raise InvalidInput(found)
    return asked
