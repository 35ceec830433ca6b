"""Routes of kept strategies: save one, add versions, read them, rename, archive and restore.

Who may ask is checked here; what is asked in `bots`. A strategy that is wrong is not kept: `routes_specs` says what is
wrong with it.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query, Request
from starlette.responses import Response

from tradewright.bots import strategies, strategy_queries
from tradewright.identity.model import Principal
from tradewright.web.auth import Reader, Trader
from tradewright.web.bots import actor_of, new_spec, text_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts, WebParts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_trading import CursorQuery
from tradewright.web.schemas.strategies import (
    NewSpecVersion,
    NewStrategy,
    SpecVersionAnswer,
    StrategyAnswer,
    StrategyName,
    StrategyPage,
)

PAGE_MAX = 200
VersionNumber = Annotated[int, Path(ge=1, le=1_000_000)]


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["strategies"])
    one = "/strategies/{strategy_id}"
    routes.add_api_route(
        "/strategies",
        post_strategy,
        methods=["POST"],
        status_code=201,
        response_model=StrategyAnswer,
        operation_id="postStrategy",
        responses=problems(401, 403, 409, 422, 429, 503),
    )
    routes.add_api_route(
        "/strategies",
        read_strategies,
        methods=["GET"],
        response_model=StrategyPage,
        operation_id="readStrategies",
        responses=problems(401, 422),
    )
    routes.add_api_route(
        one,
        read_strategy,
        methods=["GET"],
        response_model=StrategyAnswer,
        operation_id="readStrategy",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{one}/versions",
        post_version,
        methods=["POST"],
        status_code=201,
        response_model=SpecVersionAnswer,
        operation_id="postSpecVersion",
        responses=problems(401, 403, 404, 409, 422, 429, 503),
    )
    routes.add_api_route(
        f"{one}/versions/{{number}}",
        read_version,
        methods=["GET"],
        response_model=SpecVersionAnswer,
        operation_id="readSpecVersion",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        f"{one}/rename",
        post_rename,
        methods=["POST"],
        response_model=StrategyAnswer,
        operation_id="renameStrategy",
        responses=problems(401, 403, 404, 422),
    )
    for name, command in (("archive", post_archive), ("restore", post_restore)):
        routes.add_api_route(
            f"{one}/{name}",
            command,
            methods=["POST"],
            response_model=StrategyAnswer,
            operation_id=f"{name}Strategy",
            responses=problems(401, 403, 404, 422),
        )
    return routes


async def post_strategy(
    request: Request, parts: Parts, caller: Trader, body: Annotated[NewStrategy, Body()]
) -> Response:
    """Keeps a strategy with its first version. The same request again is the same strategy; another is a 409."""
    actor, (text, author) = actor_of(request, parts, caller), text_of(body)
    spec = await new_spec(parts, actor, body.id, text, author, body.message)
    async with parts.engine.begin() as connection:
        await strategies.save_strategy(connection, actor, body.id, body.name, spec)
    return await _answer(parts, caller, body.id, 201)


async def read_strategies(
    parts: Parts,
    caller: Reader,
    archived: Annotated[bool, Query(description="Those that are archived in place of those that are not")] = False,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    before: CursorQuery = None,
) -> Response:
    """The workspace's strategies, newest first, each with its newest version."""
    async with parts.engine.connect() as connection:
        rows, following = await strategy_queries.list_strategies(
            connection, caller.membership.workspace_id, archived=archived, limit=limit, before=before
        )
    return JsonAnswer({"strategies": rows, "next": following})


async def read_strategy(parts: Parts, caller: Reader, strategy_id: UUID) -> Response:
    """One with all its versions, without their texts."""
    return await _answer(parts, caller, strategy_id)


async def post_version(
    request: Request, parts: Parts, caller: Trader, strategy_id: UUID, body: Annotated[NewSpecVersion, Body()]
) -> Response:
    """Keeps one more version. The text of the newest again makes none, and is answered with the newest."""
    workspace_id = caller.membership.workspace_id
    async with parts.engine.connect() as connection:
        await strategy_queries.read_strategy(connection, workspace_id, strategy_id)
    actor = actor_of(request, parts, caller)
    spec = await new_spec(parts, actor, body.id, body.text, "user", body.message)
    async with parts.engine.begin() as connection:
        number = await strategies.add_version(connection, actor, strategy_id, spec, parent=body.parent)
        found = await strategy_queries.read_version(connection, workspace_id, strategy_id, number)
    return JsonAnswer({"version": found}, 201)


async def read_version(parts: Parts, caller: Reader, strategy_id: UUID, number: VersionNumber) -> Response:
    """One version with its text."""
    async with parts.engine.connect() as connection:
        found = await strategy_queries.read_version(connection, caller.membership.workspace_id, strategy_id, number)
    return JsonAnswer({"version": found})


async def post_rename(
    request: Request, parts: Parts, caller: Trader, strategy_id: UUID, body: Annotated[StrategyName, Body()]
) -> Response:
    """Another name for the whole; what its texts say stays."""
    async with parts.engine.begin() as connection:
        await strategies.rename_strategy(connection, actor_of(request, parts, caller), strategy_id, body.name)
    return await _answer(parts, caller, strategy_id)


async def post_archive(request: Request, parts: Parts, caller: Trader, strategy_id: UUID) -> Response:
    """Out of the list of those to choose from; bots of its versions go on as they are."""
    return await _archive(request, parts, caller, strategy_id, archived=True)


async def post_restore(request: Request, parts: Parts, caller: Trader, strategy_id: UUID) -> Response:
    """Back into the list."""
    return await _archive(request, parts, caller, strategy_id, archived=False)


async def _archive(
    request: Request, parts: WebParts, caller: Principal, strategy_id: UUID, *, archived: bool
) -> Response:
    async with parts.engine.begin() as connection:
        actor = actor_of(request, parts, caller)
        await strategies.archive_strategy(connection, actor, strategy_id, archived=archived)
    return await _answer(parts, caller, strategy_id)


async def _answer(parts: WebParts, caller: Principal, strategy_id: UUID, status: int = 200) -> Response:
    async with parts.engine.connect() as connection:
        found = await strategy_queries.read_strategy(connection, caller.membership.workspace_id, strategy_id)
    return JsonAnswer({"strategy": found}, status)
