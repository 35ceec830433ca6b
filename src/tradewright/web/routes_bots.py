"""Routes of bots: make one, give it settings, read, rename, clone, archive, restore, remove, and start a run of it.

Who may ask is checked here; what is asked in `bots`. A bot of another workspace is answered like one that does not
exist. Nothing here runs a bot: that is done by the owner of its account.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request
from starlette.responses import Response

from tradewright.bots import commands, queries
from tradewright.bots.model import BotState, RunState
from tradewright.bots.queries import BotFilter
from tradewright.bots.run_queries import read_run
from tradewright.bots.start_checks import WITHOUT_EVIDENCE, start_checks
from tradewright.bots.starting import NewRun, is_known_run, start_run
from tradewright.core.clock import from_milliseconds
from tradewright.identity.model import Principal
from tradewright.web.auth import Reader, Trader
from tradewright.web.bots import actor_of, look_up, settings_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_trading import CursorQuery
from tradewright.web.schemas.base import Environment
from tradewright.web.schemas.bots import (
    BotAnswer,
    BotClone,
    BotEdit,
    BotPage,
    BotRemoval,
    BotRemoved,
    BotRename,
    BotVersions,
    NewBot,
    StartChecks,
)
from tradewright.web.schemas.runs import NewRun as NewRunBody
from tradewright.web.schemas.runs import RunAnswer
from tradewright.web.step_up import require_step_up, step_up_mark

PAGE_MAX = 200


def _filter(
    state: Annotated[BotState | None, Query(description="Null: all but those that are archived")] = None,
    run_state: Annotated[RunState | None, Query(description="Of the newest run")] = None,
    environment: Annotated[Environment | None, Query()] = None,
    strategy_id: Annotated[UUID | None, Query()] = None,
    account_id: Annotated[UUID | None, Query()] = None,
    name: Annotated[str | None, Query(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = None,
) -> BotFilter:
    return BotFilter(
        state=state,
        run_state=run_state,
        environment=environment,
        strategy_id=strategy_id,
        account_id=account_id,
        name=name,
    )


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["bots"])
    one = "/bots/{bot_id}"
    routes.add_api_route(
        "/bots",
        post_bot,
        methods=["POST"],
        status_code=201,
        response_model=BotAnswer,
        operation_id="postBot",
        responses=problems(401, 403, 409, 422, 429, 503),
    )
    routes.add_api_route(
        "/bots",
        read_bots,
        methods=["GET"],
        response_model=BotPage,
        operation_id="readBots",
        responses=problems(401, 422),
    )
    routes.add_api_route(
        one,
        read_bot,
        methods=["GET"],
        response_model=BotAnswer,
        operation_id="readBot",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{one}/versions",
        read_versions,
        methods=["GET"],
        response_model=BotVersions,
        operation_id="readBotVersions",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{one}/settings",
        put_settings,
        methods=["PUT"],
        response_model=BotAnswer,
        operation_id="editBot",
        responses=problems(401, 403, 404, 409, 422, 429, 503),
    )
    routes.add_api_route(
        f"{one}/rename",
        post_rename,
        methods=["POST"],
        response_model=BotAnswer,
        operation_id="renameBot",
        responses=problems(401, 403, 404, 409, 422),
    )
    routes.add_api_route(
        f"{one}/clone",
        post_clone,
        methods=["POST"],
        status_code=201,
        response_model=BotAnswer,
        operation_id="cloneBot",
        responses=problems(401, 403, 404, 409, 422),
    )
    for name, command in (("archive", post_archive), ("restore", post_restore)):
        routes.add_api_route(
            f"{one}/{name}",
            command,
            methods=["POST"],
            response_model=BotAnswer,
            operation_id=f"{name}Bot",
            responses=problems(401, 403, 404, 409, 422),
        )
    routes.add_api_route(
        f"{one}/remove",
        post_remove,
        methods=["POST"],
        response_model=BotRemoved,
        operation_id="removeBot",
        responses=problems(401, 403, 404, 409, 422),
        openapi_extra=step_up_mark("sometimes"),
    )
    routes.add_api_route(
        f"{one}/start-checks",
        read_start_checks,
        methods=["GET"],
        response_model=StartChecks,
        operation_id="readStartChecks",
        responses=problems(401, 404, 409, 422, 429, 503),
    )
    routes.add_api_route(
        f"{one}/runs",
        post_run,
        methods=["POST"],
        status_code=202,
        response_model=RunAnswer,
        operation_id="startRun",
        responses=problems(401, 403, 404, 409, 422, 429, 503),
        openapi_extra=step_up_mark("sometimes"),
    )
    return routes


async def post_bot(request: Request, parts: Parts, caller: Trader, body: Annotated[NewBot, Body()]) -> Response:
    """A new bot: ready to start with settings, a draft without."""
    actor = actor_of(request, parts, caller)
    settings = None if body.settings is None else await settings_of(parts, actor, body.settings)
    async with parts.engine.begin() as connection:
        await commands.create_bot(connection, actor, body.id, body.name, settings)
    return await _answer(parts, caller, body.id, 201)


async def read_bots(
    parts: Parts,
    caller: Reader,
    wanted: Annotated[BotFilter, Depends(_filter)],
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    before: CursorQuery = None,
) -> Response:
    """The workspace's bots, newest first, each with its current settings and its newest run."""
    async with parts.engine.connect() as connection:
        rows, following = await queries.list_bots(
            connection,
            caller.membership.workspace_id,
            wanted,
            slots=parts.run_slots,
            limit=limit,
            before=before,
        )
    return JsonAnswer({"bots": rows, "next": following})


async def read_bot(parts: Parts, caller: Reader, bot_id: UUID) -> Response:
    """One with its current settings and its newest run."""
    return await _answer(parts, caller, bot_id)


async def read_versions(parts: Parts, caller: Reader, bot_id: UUID) -> Response:
    """What its settings were."""
    async with parts.engine.connect() as connection:
        found = await queries.read_versions(connection, caller.membership.workspace_id, bot_id)
    return JsonAnswer({"versions": found})


async def put_settings(
    request: Request, parts: Parts, caller: Trader, bot_id: UUID, body: Annotated[BotEdit, Body()]
) -> Response:
    """Gives the bot settings: one more version of it. A run keeps those that it was started with."""
    actor = actor_of(request, parts, caller)
    async with parts.engine.connect() as connection:
        await queries.read_bot(connection, actor.workspace_id, bot_id, parts.run_slots)
    settings = await settings_of(parts, actor, body.settings)
    async with parts.engine.begin() as connection:
        await commands.edit_bot(connection, actor, bot_id, settings, version=body.version)
    return await _answer(parts, caller, bot_id)


async def post_rename(
    request: Request, parts: Parts, caller: Trader, bot_id: UUID, body: Annotated[BotRename, Body()]
) -> Response:
    """Another name."""
    async with parts.engine.begin() as connection:
        await commands.rename_bot(connection, actor_of(request, parts, caller), bot_id, body.name, version=body.version)
    return await _answer(parts, caller, bot_id)


async def post_clone(
    request: Request, parts: Parts, caller: Trader, bot_id: UUID, body: Annotated[BotClone, Body()]
) -> Response:
    """A new bot with the current settings of this one."""
    async with parts.engine.begin() as connection:
        await commands.clone_bot(connection, actor_of(request, parts, caller), bot_id, body.id, body.name)
    return await _answer(parts, caller, body.id, 201)


async def post_archive(request: Request, parts: Parts, caller: Trader, bot_id: UUID) -> Response:
    """Out of the list of those to start. Refused while a run of it has not ended."""
    async with parts.engine.begin() as connection:
        await commands.archive_bot(connection, actor_of(request, parts, caller), bot_id)
    return await _answer(parts, caller, bot_id)


async def post_restore(request: Request, parts: Parts, caller: Trader, bot_id: UUID) -> Response:
    """Back into the list."""
    async with parts.engine.begin() as connection:
        await commands.restore_bot(connection, actor_of(request, parts, caller), bot_id)
    return await _answer(parts, caller, bot_id)


async def post_remove(
    request: Request, parts: Parts, caller: Trader, bot_id: UUID, body: Annotated[BotRemoval, Body()]
) -> Response:
    """Takes it out of every list for good; its runs and their events stay. Where it has runs its name is typed, and
    where one was with real money a fresh proof of who asks is needed, too."""
    actor = actor_of(request, parts, caller)
    async with parts.engine.connect() as connection:
        await queries.read_bot(connection, actor.workspace_id, bot_id, parts.run_slots)
        traded_live = await commands.count_runs(connection, actor, bot_id, environment="live")
    if traded_live:
        await require_step_up(parts, caller)
    async with parts.engine.begin() as connection:
        await commands.remove_bot(connection, actor, bot_id, body.name)
    return JsonAnswer({"removed": str(bot_id)})


async def read_start_checks(request: Request, parts: Parts, caller: Reader, bot_id: UUID) -> Response:
    """What speaks for and against a start now, and what has to be typed for one with real money."""
    looked = await look_up(parts, actor_of(request, parts, caller), bot_id)
    facts = looked.facts
    checks = start_checks(facts, looked.checked, looked.instrument, real_trading=parts.settings.real_trading)
    is_live = facts.environment == "live"
    return JsonAnswer(
        {
            "bot_version": facts.number,
            "environment": facts.environment,
            "checks": [
                {"name": each.name, "verdict": each.verdict, "code": each.code, "params": dict(each.params)}
                for each in checks
            ],
            "confirmation": facts.bot_name if is_live else None,
            "untested": list(WITHOUT_EVIDENCE.values()) if is_live and not facts.has_evidence else [],
        }
    )


async def post_run(
    request: Request, parts: Parts, caller: Trader, bot_id: UUID, body: Annotated[NewRunBody, Body()]
) -> Response:
    """Starts a run of the bot's current settings, now or at a time: it waits in the queue, or has its slot at once. The
    same id again is the same run. Real money without a finished trial needs a typed word and a fresh proof of who
    asks."""
    actor = actor_of(request, parts, caller)
    new = NewRun(
        id=body.id,
        bot_id=bot_id,
        number=body.bot_version,
        start_at=None if body.start_at_ms is None else from_milliseconds(body.start_at_ms),
        confirmation=body.confirmation,
        untested=body.untested,
    )
    async with parts.engine.connect() as connection:
        is_known = await is_known_run(connection, actor, new)
    if not is_known:
        looked = await look_up(parts, actor, bot_id)
        if looked.facts.environment == "live" and not looked.facts.has_evidence and new.says_untested:
            await require_step_up(parts, caller)
        async with parts.engine.begin() as connection:
            await start_run(
                connection,
                actor,
                new,
                looked,
                slots=parts.run_slots,
                real_trading=parts.settings.real_trading,
            )
    async with parts.engine.connect() as connection:
        found = await read_run(connection, actor.workspace_id, body.id, parts.run_slots)
    return JsonAnswer({"run": found}, 202)


async def _answer(parts: WebParts, caller: Principal, bot_id: UUID, status: Literal[200, 201] = 200) -> Response:
    async with parts.engine.connect() as connection:
        found = await queries.read_bot(connection, caller.membership.workspace_id, bot_id, parts.run_slots)
    return JsonAnswer({"bot": found}, status)
