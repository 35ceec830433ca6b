"""What the API does about the kill switch, with the database and without it.

Lives here: who may stop what, pulling by worker, file and row, releasing, and what a caller may see. Not here: the desk
(`trading.kill.pulling`), rows (`trading.kill.store`), routes (`routes_kill`).
Pulling waits for nothing that may not answer: the worker or a file is enough, and the row follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import milliseconds
from tradewright.core.errors import InvalidInput, NotFound, NotReady, Problem
from tradewright.core.ids import AccountId
from tradewright.identity.model import Principal
from tradewright.trading import queries
from tradewright.trading.kill.latch import Latch, Scope, ScopeKind, latch_of_json
from tradewright.trading.kill.pulling import Pulled
from tradewright.trading.kill.store import KillStore
from tradewright.web.errors import Forbidden
from tradewright.web.parts import WebParts

DATABASE_WITHIN_S = 1.5
_SHOWN = ("account_id", "blocked", "state", "orders", "positions", "kept", "spooled")


@dataclass(frozen=True, slots=True)
class Puller:
    """Who asks. `is_remembered`: the database did not answer, and it was seen within the last ten minutes."""

    principal: Principal
    is_remembered: bool
    ip: str | None

    @property
    def token_id(self) -> UUID | None:
        return None if self.principal.token is None else self.principal.token.id


async def pull(parts: WebParts, puller: Puller, kind: ScopeKind, account_id: UUID | None, *, close: bool) -> Pulled:
    """Raises `Forbidden`, `NotFound`, `InvalidInput`, and `NotReady` where it could be written down nowhere."""
    scope = await _scope(parts, puller, kind, account_id)
    by, token_id = puller.principal.user.id, puller.token_id
    workspace_id = puller.principal.membership.workspace_id if kind == "account" else None
    store = KillStore(parts.engine, parts.clock, parts.ids)
    try:
        pulled = await parts.kill.pull(
            scope, close_positions=close, by=by, via="api", workspace_id=workspace_id, token_id=token_id
        )
    except NotReady:
        latch = Latch(
            id=parts.ids.new(),
            scope=scope,
            close_positions=close,
            pulled_at=parts.clock.now(),
            pulled_by=by,
            via="api",
            workspace_id=workspace_id,
            token_id=token_id,
        )
        if puller.is_remembered or not await _in_time(store.pull(latch, ip=puller.ip)):
            raise
        return Pulled(latch, "row", [])
    if not puller.is_remembered:
        await _in_time(store.pull(pulled.latch, ip=puller.ip))
    return pulled


async def release(parts: WebParts, puller: Puller, kind: ScopeKind, account_id: UUID | None) -> list[Latch]:
    """Raises `NotReady` while it cannot be written down: then it stays."""
    scope = await _scope(parts, puller, kind, account_id)
    by = puller.principal.user.id
    try:
        return await parts.kill.release(scope, by=by, token_id=puller.token_id)
    except NotReady:
        if puller.is_remembered:
            raise
    # No worker here: the row says it, and a worker elsewhere hears of it.
    store = KillStore(parts.engine, parts.clock, parts.ids)
    files = [latch for latch in await asyncio.to_thread(parts.kill.folder.read) if latch.scope == scope]
    released = list(await store.release(scope, by, also=files, ip=puller.ip))
    for latch in files:
        await asyncio.to_thread(parts.kill.folder.remove, scope, latch.id)
    return released


async def state(parts: WebParts, puller: Puller) -> dict[str, Any]:
    """As `KillState`: what concerns the caller's workspace."""
    status = await parts.kill.status()
    latches = {latch.id: latch for latch in map(latch_of_json, status["latches"])}
    owned: set[UUID] = {UUID(each["account_id"]) for each in status["accounts"] if _is_theirs(each, puller.principal)}
    if not puller.is_remembered:
        async with parts.engine.connect() as connection:
            rows = await queries.accounts(connection, puller.principal.membership.workspace_id)
        owned |= {UUID(str(row["id"])) for row in rows}
        if not status["worker"]:
            standing = await KillStore(parts.engine, parts.clock, parts.ids).standing()
            latches |= {latch.id: latch for latch in standing.held}
    return {
        "worker": status["worker"],
        "latches": [latch_view(latch) for latch in latches.values() if _concerns(latch, puller.principal, owned)],
        "accounts": account_views(status["accounts"], puller.principal),
    }


async def take_down(parts: WebParts, puller: Puller, account_id: UUID, body_id: UUID, *, close: bool) -> dict[str, Any]:
    await _scope(parts, puller, "account", account_id)
    return await parts.kill.take_down(
        account_id,
        body_id,
        close=close,
        by=puller.principal.user.id,
        via="api",
        workspace_id=puller.principal.membership.workspace_id,
        token_id=puller.token_id,
    )


async def _scope(parts: WebParts, puller: Puller, kind: ScopeKind, account_id: UUID | None) -> Scope:
    """Of what the caller may stop."""
    if (kind == "account") != (account_id is not None):
        raise InvalidInput([Problem("input.missing" if account_id is None else "input.unknown_field", "account_id")])
    principal = puller.principal
    match kind:
        case "installation":
            if not principal.user.is_operator:
                raise Forbidden("stopping the whole installation needs its operator; stop your workspace instead")
            return Scope("installation")
        case "workspace":
            return Scope("workspace", principal.membership.workspace_id)
        case "account":
            assert account_id is not None, "looked at above"
            if not puller.is_remembered:
                async with parts.engine.connect() as connection:
                    await queries.require_account(connection, principal.membership.workspace_id, AccountId(account_id))
            else:
                await _not_of_others(parts, principal, account_id)
            return Scope("account", account_id)


async def _not_of_others(parts: WebParts, principal: Principal, account_id: UUID) -> None:
    """Without the database only the worker knows whose an account is. One that it does not know may be stopped: the
    latch names the caller's workspace, and covers no account of another."""
    for shown in (await parts.kill.status())["accounts"]:
        if shown["account_id"] == str(account_id) and not _is_theirs(shown, principal):
            raise NotFound(f"there is no account {account_id}")


def latch_view(latch: Latch) -> dict[str, Any]:
    scope = latch.scope
    return {
        "id": str(latch.id),
        "scope": scope.kind,
        "account_id": str(scope.id) if scope.kind == "account" else None,
        "close_positions": latch.close_positions,
        "pulled_ms": milliseconds(latch.pulled_at),
        "pulled_by": None if latch.pulled_by is None else str(latch.pulled_by),
        "via": latch.via,
    }


def account_views(shown: Iterable[Mapping[str, Any]], principal: Principal) -> list[dict[str, Any]]:
    return [
        {
            **{
                name: each[name]
                for name in ("account_id", "blocked", "state", "orders", "positions", "kept", "spooled")
            },
            "fault": each["fault"] or None,
            "detail": each["detail"] or None,
        }
        for each in shown
        if _is_theirs(each, principal)
    ]


def _is_theirs(shown: Mapping[str, Any], principal: Principal) -> bool:
    return bool(shown["workspace_id"] == str(principal.membership.workspace_id))


def _concerns(latch: Latch, principal: Principal, owned: set[UUID]) -> bool:
    match latch.scope.kind:
        case "installation":
            return True
        case "workspace":
            return latch.scope.id == principal.membership.workspace_id
        case "account":
            return latch.scope.id in owned


async def _in_time(work: Awaitable[object]) -> bool:
    """Whether it was done in time. One that was not goes on by itself: its row counts whenever it comes."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=DATABASE_WITHIN_S)
    if not done:
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return False
    failure = task.exception()
    if failure is not None and not isinstance(failure, SQLAlchemyError | OSError):
        raise failure
    return failure is None
