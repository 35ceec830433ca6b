"""What a person may ask of arming: arm a live account for a while, and disarm it. One function each.

Each runs in the caller's transaction and leaves its audit entry there; the owner hears of it once that commits.
Not here: who may ask, and the fresh proof of it (`web.routes_arming`); what ends an arming by itself (`keeper`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.connections.model import Actor
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.money import plain
from tradewright.storage.bus import notify
from tradewright.trading.arming.keeper import ARMING_CHANNEL
from tradewright.trading.arming.model import (
    ARMED_FOR_MAX,
    ARMED_FOR_MIN,
    ArmingConflict,
    NotLive,
    RealTradingOff,
    Standing,
    limits_as_json,
    phrases,
    unset_limits,
)
from tradewright.trading.arming.store import as_audited, end_arming, known_arming, read_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArming:
    """As asked; the id is made by who asks, once per arming. `confirm_above` is in quote coin."""

    id: UUID
    phrase: str
    lasts: timedelta
    confirm_above: Decimal


def missing(standing: Standing) -> list[Problem]:
    """What stands between the account and its arming, whoever asks and whatever they type."""
    problems = [
        Problem("arming.limit_unset", f"limits.{name}", {"name": name}) for name in unset_limits(standing.levels)
    ]
    if standing.key is None or standing.key.state != "ok":
        problems.append(Problem("arming.key_not_good", "key"))
    elif standing.key.is_read_only:
        problems.append(Problem("arming.key_read_only", "key"))
    if standing.is_killed:
        problems.append(Problem("arming.killed", "kill"))
    return problems


async def arm(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    asked: NewArming,
    *,
    real_trading: bool,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> None:
    """Lets the account open positions for a while; another arming of it ends with this. The same id again is harmless.

    Raises `NotFound`, `NotLive`, `RealTradingOff`, `ArmingConflict`, and `InvalidInput` with all that is missing.
    """
    await _locked_live(connection, workspace_id, account_id)
    known = await known_arming(connection, asked.id)
    if known == (workspace_id, account_id):
        return
    if known is not None:
        raise ArmingConflict(f"the id {asked.id} was used for another arming; make a new one for this one")
    if not real_trading:
        raise RealTradingOff("real trading is off in this installation; TRADEWRIGHT_REAL_TRADING=on allows it")
    standing = await read_standing(connection, workspace_id, account_id)
    problems = [*missing(standing), *_said_wrong(asked, standing)]
    if problems:
        raise InvalidInput(problems)
    assert standing.key is not None, "a missing key is a problem"
    before = standing.arming
    if before is not None:
        await end_arming(connection, before, "rearmed", by=actor.user_id, ip=actor.ip, clock=clock, ids=ids)
    limits = limits_as_json(standing.limits)
    inserted = await connection.execute(
        text(
            "INSERT INTO armings (id, workspace_id, account_id, armed_by, armed_at, armed_until, confirm_above, limits,"
            " key_mark) SELECT :id, :workspace, :account, :by, n.at, n.at + CAST(:lasts AS interval), :above, :limits,"
            " :mark FROM (SELECT clock_timestamp() AS at) n RETURNING armed_until"
        ).bindparams(bindparam("limits", type_=JSONB)),
        {
            "id": asked.id,
            "workspace": workspace_id,
            "account": account_id,
            "by": actor.user_id,
            "lasts": asked.lasts,
            "above": asked.confirm_above,
            "limits": limits,
            "mark": standing.key.mark,
        },
    )
    until = inserted.scalar_one()
    entry = AuditEntry(
        id=ids.new(),
        workspace_id=workspace_id,
        account_id=account_id,
        at=clock.now(),
        actor_kind="user",
        actor_id=actor.user_id,
        action="account.arm",
        object_kind="account",
        object_id=str(account_id),
        before=None if before is None else as_audited(before),
        after={
            "arming": str(asked.id),
            "armed_until": until.isoformat(),
            "confirm_above": asked.confirm_above,
            "connection": str(standing.key.connection_id),
            "limits": limits,
        },
        ip=actor.ip,
        outcome="done",
    )
    await record(connection, entry)
    await connection.execute(
        text(
            "UPDATE accounts SET armed_until = :until, confirm_above = :above"
            " WHERE id = :account AND workspace_id = :workspace"
        ),
        {"until": until, "above": asked.confirm_above, "account": account_id, "workspace": workspace_id},
    )
    await notify(connection, ARMING_CHANNEL, str(account_id))


async def disarm(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    *,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> None:
    """Nothing opens from here on. Harmless where nothing is armed. Raises `NotFound`."""
    await _locked(connection, workspace_id, account_id)
    arming = (await read_standing(connection, workspace_id, account_id)).arming
    if arming is None:
        return
    await end_arming(connection, arming, "disarmed", by=actor.user_id, ip=actor.ip, clock=clock, ids=ids)
    await notify(connection, ARMING_CHANNEL, str(account_id))


def _said_wrong(asked: NewArming, standing: Standing) -> Iterator[Problem]:
    if standing.key is not None and asked.phrase not in phrases(standing.key.name).values():
        yield Problem("arming.phrase_mismatch", "phrase")
    if not ARMED_FOR_MIN <= asked.lasts <= ARMED_FOR_MAX:
        params = {"minimum": str(_whole_s(ARMED_FOR_MIN)), "maximum": str(_whole_s(ARMED_FOR_MAX))}
        yield Problem("arming.lasts_range", "lasts_s", params)
    most = standing.limits.order_notional
    if asked.confirm_above < 0 or (most is not None and asked.confirm_above > most):
        yield Problem("arming.confirm_above_range", "confirm_above", {"maximum": "" if most is None else plain(most)})


def _whole_s(span: timedelta) -> int:
    return span // timedelta(seconds=1)


async def _locked(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> str:
    """The account's environment; nobody else arms or disarms it until the caller's transaction ends. The account's row
    is not locked: its owner writes to it with every event. Raises `NotFound`."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"arming:{account_id}"}
    )
    environment = await connection.scalar(
        text("SELECT environment FROM accounts WHERE id = :account AND workspace_id = :workspace"),
        {"account": account_id, "workspace": workspace_id},
    )
    if environment is None:
        raise NotFound(f"there is no account {account_id} in this workspace")
    return str(environment)


async def _locked_live(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> None:
    environment = await _locked(connection, workspace_id, account_id)
    if environment != "live":
        raise NotLive(f"the account {account_id} is {environment}: only real money is armed, this one trades without")
