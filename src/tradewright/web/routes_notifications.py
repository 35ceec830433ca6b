"""Routes of notifications: the list, marking them read, what goes where, channels. Each about the caller alone."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from tradewright.identity.model import Principal
from tradewright.notify import preferences
from tradewright.notify.centre import PAGE, Whose, count_unread, mark_all_read, mark_read, read_page, until_of
from tradewright.notify.messages import Failure, Message
from tradewright.notify.model import Kind
from tradewright.notify.preferences import CHANNELS_OF_USER_MAX, Preferences, Rule
from tradewright.notify.services import SERVICES, service_of
from tradewright.notify.words import test_text
from tradewright.web.auth import Reader, by_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer, empty_answer
from tradewright.web.schemas.notifications import (
    Channel,
    ChannelBody,
    ChannelTest,
    Notification,
    NotificationList,
    NotificationSettings,
    ReadAllBody,
    SettingsBody,
)

_CHANNEL = "/notifications/channels/{channel_id}"
CursorQuery = Annotated[str | None, Query(max_length=200, pattern=r"^[\x20-\x7e]+$")]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["notifications"])
    routes.add_api_route(
        "/notifications",
        read_notifications,
        methods=["GET"],
        response_model=NotificationList,
        operation_id="readNotifications",
        responses=problems(401, 403, 422),
    )
    routes.add_api_route(
        "/notifications/read-all",
        post_read_all,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="readAllNotifications",
        responses=problems(401, 403, 422),
    )
    routes.add_api_route(
        "/notifications/settings",
        get_settings,
        methods=["GET"],
        response_model=NotificationSettings,
        operation_id="readNotificationSettings",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/notifications/settings",
        put_settings,
        methods=["PUT"],
        response_model=NotificationSettings,
        operation_id="setNotificationSettings",
        responses=problems(401, 403, 409, 422),
    )
    routes.add_api_route(
        "/notifications/channels",
        post_channel,
        methods=["POST"],
        status_code=201,
        response_model=Channel,
        operation_id="postChannel",
        responses=problems(401, 403, 409, 422, 503),
    )
    routes.add_api_route(
        f"{_CHANNEL}/test",
        post_test,
        methods=["POST"],
        response_model=ChannelTest,
        operation_id="testChannel",
        responses=problems(401, 403, 404, 409, 422, 503),
    )
    routes.add_api_route(
        f"{_CHANNEL}/remove",
        post_remove,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="removeChannel",
        responses=problems(401, 403, 404, 422),
    )
    routes.add_api_route(
        "/notifications/{notification_id}/read",
        post_read,
        methods=["POST"],
        response_model=Notification,
        operation_id="readNotification",
        responses=problems(401, 403, 404, 422),
    )
    return routes


async def read_notifications(
    parts: Parts,
    caller: Reader,
    unread: Annotated[bool, Query(description="Only those that were not read")] = False,
    kind: Annotated[Kind | None, Query()] = None,
    before: CursorQuery = None,
    limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
) -> Response:
    """The caller's notifications in this workspace, newest first, and how many are unread in all."""
    whose = whose_of(caller)
    async with parts.engine.connect() as database:
        rows, following = await read_page(database, whose, unread=unread, kind=kind, before=before, limit=limit)
        count = await count_unread(database, whose)
    return JsonAnswer({"notifications": rows, "next": following, "unread": count})


async def post_read(parts: Parts, caller: Reader, notification_id: UUID) -> Response:
    """Marks one as read; what would still go to a channel for it does not go any more."""
    async with parts.engine.begin() as database:
        return JsonAnswer(await mark_read(database, whose_of(caller), notification_id))


async def post_read_all(parts: Parts, caller: Reader, body: Annotated[ReadAllBody, Body()]) -> Response:
    """Marks all of them up to a moment as read; one that came since stays unread."""
    async with parts.engine.begin() as database:
        await mark_all_read(database, whose_of(caller), until_of(body.until_ms))
    return empty_answer()


async def get_settings(parts: Parts, caller: Reader) -> Response:
    """Where the caller's notifications go, in this workspace."""
    async with parts.engine.connect() as database:
        return _settings(await preferences.read_preferences(database, whose_of(caller)))


async def put_settings(
    request: Request, parts: Parts, caller: Reader, body: Annotated[SettingsBody, Body()]
) -> Response:
    """Puts them in the place of those that were read."""
    async with parts.engine.begin() as database:
        wanted = _wanted(body)
        kept = await preferences.set_preferences(database, whose_of(caller), wanted, by_of(request, parts, caller))
    return _settings(kept)


async def post_channel(
    request: Request, parts: Parts, caller: Reader, body: Annotated[ChannelBody, Body()]
) -> Response:
    """Adds a channel. The address is looked at first, and nothing is sent; what is inside of this machine's network is
    refused, unless its operator has named it."""
    service = service_of(body.address)
    if service is None:
        raise preferences.unusable(Failure("channel.service", {"allowed": ", ".join(SERVICES)}))
    refused = (await parts.sending.send([Message(id="look", address=body.address)]))["look"]
    if refused is not None:
        raise preferences.unusable(refused)
    whose = whose_of(caller)
    async with parts.engine.begin() as database:
        by = by_of(request, parts, caller)
        made = await preferences.add_channel(
            database, whose, by, parts.service_keyring, name=body.name, service=service, address=body.address
        )
        found = await preferences.read_preferences(database, whose)
    return JsonAnswer(next(each for each in found.channels if each["id"] == str(made)), 201)


async def post_test(request: Request, parts: Parts, caller: Reader, channel_id: UUID) -> Response:
    """Sends a test by one of the caller's channels and tells what became of it; every ten seconds at most."""
    whose = whose_of(caller)
    async with parts.engine.begin() as database:
        address = await preferences.begin_test(
            database, whose, by_of(request, parts, caller), parts.service_keyring, channel_id
        )
    title, body = test_text(caller.user.language)
    outcome = (await parts.sending.send([Message(id="test", address=address, title=title, body=body)]))["test"]
    async with parts.engine.begin() as database:
        await preferences.note_outcome(database, whose, channel_id, outcome)
    return JsonAnswer({"failure": None if outcome is None else outcome.as_json()})


async def post_remove(request: Request, parts: Parts, caller: Reader, channel_id: UUID) -> Response:
    """Removes one of the caller's channels, with what waits to be sent by it."""
    async with parts.engine.begin() as database:
        await preferences.remove_channel(database, whose_of(caller), by_of(request, parts, caller), channel_id)
    return empty_answer()


def whose_of(caller: Principal) -> Whose:
    return Whose(workspace_id=caller.membership.workspace_id, user_id=caller.user.id)


def _wanted(body: SettingsBody) -> Preferences:
    """A beginning without an end is told as what it is: half of something."""
    begins, ends = body.quiet_from, body.quiet_to
    if (begins is None) != (ends is None):
        raise preferences.half_quiet("quiet_to" if ends is None else "quiet_from")
    return Preferences(
        version=body.version,
        time_zone=body.time_zone,
        quiet=None if begins is None or ends is None else (begins, ends),
        minimal_severity=body.minimal_severity,
        alive_at=body.alive_at,
        alive_channel_id=body.alive_channel_id,
        rules=[
            Rule(
                kind=rule.kind,
                channel_ids=tuple(rule.channel_ids),
                escalate_minutes=rule.escalate_minutes,
                escalate_channel_id=rule.escalate_channel_id,
            )
            for rule in body.rules
        ],
    )


def _settings(found: Preferences) -> JsonAnswer:
    begins, ends = (None, None) if found.quiet is None else found.quiet
    return JsonAnswer(
        {
            "version": found.version,
            "time_zone": found.time_zone,
            "quiet_from": begins,
            "quiet_to": ends,
            "minimal_severity": found.minimal_severity,
            "alive_at": found.alive_at,
            "alive_channel_id": _text(found.alive_channel_id),
            "rules": [_rule(rule) for rule in found.rules],
            "channels": list(found.channels),
            "channels_maximum": CHANNELS_OF_USER_MAX,
            "services": list(SERVICES),
        }
    )


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "channel_ids": [str(each) for each in rule.channel_ids],
        "escalate_minutes": rule.escalate_minutes,
        "escalate_channel_id": _text(rule.escalate_channel_id),
    }


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
