"""What every command does alike: the account is the caller's, the id is used once, what was asked is written and told.

Lives here: `Asker`, the idempotent insert with its audit row and its notification, and what a command reads of the
account. All in the caller's transaction, which the caller commits. Not here: the commands (`commands`,
`change_commands`), sending (`session`), authorisation (`web`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.rule_parts import Standing
from tradewright.identity.quota_model import USUAL, QuotaDefaults
from tradewright.identity.quota_spending import Spend, spend
from tradewright.storage.bus import notify
from tradewright.trading.bodies import Body
from tradewright.trading.checks import MarketView
from tradewright.trading.model import AccountResting, IntentConflict, IntentKind, SubmittedIntent
from tradewright.trading.queries import require_account
from tradewright.trading.tables import intents
from tradewright.trading.views import Row, available_of

INTENTS_CHANNEL = "intents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, for which account, from where, and in whose transaction."""

    connection: AsyncConnection
    workspace_id: WorkspaceId
    account_id: AccountId
    user_id: UserId
    ip: str | None
    clock: Clock
    ids: Ids
    quotas: QuotaDefaults = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an intent is written as: `validity` None never expires; `columns` are those of the table of intents.

    `spends` is what it uses of the workspace's quotas; None of what reduces, cancels or sets.
    """

    kind: IntentKind
    instrument: InstrumentId | None  # None of what is about the whole account
    reduces: bool
    validity: timedelta | None
    action: str  # of the audit trail
    object_kind: str
    object_id: str
    columns: Mapping[str, Any]
    spends: Spend | None = None


async def existing(asker: Asker, body: Body) -> SubmittedIntent | None:
    """The intent with this id, if it is this body.

    Raises `NotFound` for a foreign account, `IntentConflict` when the id was used for something else, `AccountResting`
    for a new one that nobody would act on.
    """
    account = await require_account(asker.connection, asker.workspace_id, asker.account_id)
    known = await _with_this_id(asker, body)
    if known is None:
        must_not_rest(account)
    return known


def must_not_rest(account: Row) -> None:
    """Whatever is asked of an account that rests would wait until it wakes, and be sent on a day that nobody meant."""
    if account["resting"]:
        raise AccountResting(
            f"the account {account['id']} rests: its connection was removed, or its exchange does not run;"
            " nothing was asked, connect it again first"
        )


async def _with_this_id(asker: Asker, body: Body) -> SubmittedIntent | None:
    # An order that is not ours has an id of our making, too: an intent with it would be a second order of that name.
    found = await asker.connection.execute(
        text(
            "SELECT workspace_id, account_id, body FROM intents WHERE id = :id UNION ALL"
            " SELECT workspace_id, account_id, NULL FROM orders WHERE id = :id AND intent_id IS NULL"
        ),
        {"id": body.id},
    )
    row = found.first()
    if row is None:
        return None
    if (row.workspace_id, row.account_id, row.body) != (asker.workspace_id, asker.account_id, body.canonical()):
        raise IntentConflict(f"the intent id {body.id} was used for something else; make a new id for a new wish")
    return SubmittedIntent(body.id, created=False)


async def write(asker: Asker, body: Body, asked: Asked) -> SubmittedIntent:
    """The intent with its audit row and its owner notified; the one that is there if somebody was quicker.

    Raises `QuotaReached`; then the caller must not commit.
    """
    account = (asker.workspace_id, asker.account_id)
    if not await insert_intent(asker.connection, account, body, asked, source="manual", created_by=asker.user_id):
        known = await _with_this_id(asker, body)
        assert known is not None, "the insert met a conflict on a row that is not there"
        return known
    if asked.spends is not None and not asked.reduces:
        await spend(asker.connection, asker.workspace_id, asker.user_id, asked.spends, asker.quotas)
    await audit(asker, asked.action, asked.object_kind, asked.object_id, body.canonical())
    await notify(asker.connection, INTENTS_CHANNEL, str(asker.account_id))
    return SubmittedIntent(body.id, created=True)


async def insert_intent(
    connection: AsyncConnection,
    account: tuple[WorkspaceId, AccountId],
    body: Body,
    asked: Asked,
    *,
    source: str,
    created_by: UserId | None,
    run_id: UUID | None = None,
) -> bool:
    """The row alone; False when there is one with this id, which stays as it is."""
    now = func.clock_timestamp()
    inserted = await connection.execute(
        insert(intents)
        .values(
            id=body.id,
            workspace_id=account[0],
            account_id=account[1],
            kind=asked.kind,
            body=body.canonical(),
            category=None if asked.instrument is None else asked.instrument.category,
            symbol=None if asked.instrument is None else asked.instrument.symbol,
            reduces=asked.reduces,
            state="proposed",
            valid_until=None if asked.validity is None else now + asked.validity,
            created_by=created_by,
            source=source,
            run_id=run_id,
            created_at=now,
            updated_at=now,
            **asked.columns,
        )
        .on_conflict_do_nothing()
        .returning(intents.c.id)
    )
    return inserted.first() is not None


async def audit(asker: Asker, action: str, object_kind: str, object_id: str, after: Mapping[str, Any]) -> None:
    entry = AuditEntry(
        id=asker.ids.new(),
        workspace_id=asker.workspace_id,
        account_id=asker.account_id,
        at=asker.clock.now(),
        actor_kind="user",
        actor_id=asker.user_id,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        before=None,
        after=after,
        ip=asker.ip,
        outcome="asked",
    )
    await record(asker.connection, entry)


def listed(market: MarketView, symbol: str) -> Instrument:
    """The instrument's rules; raises `InvalidInput` when the exchange lists no such symbol."""
    if market.instrument is None:
        raise InvalidInput([Problem("order.instrument_unknown", "symbol", {"value": symbol[:40]})])
    return market.instrument


def must_fit(problems: list[Problem]) -> None:
    if problems:
        raise InvalidInput(problems)


async def held_positions(asker: Asker, instrument: InstrumentId) -> list[Row]:
    """All rows of a symbol as last seen, the biggest first. One that is flat may have a row of size 0."""
    found = await asker.connection.execute(
        text(
            "SELECT * FROM positions WHERE account_id = :account AND workspace_id = :workspace"
            " AND category = :category AND symbol = :symbol ORDER BY size DESC, position_index"
        ),
        {
            "account": asker.account_id,
            "workspace": asker.workspace_id,
            "category": instrument.category,
            "symbol": instrument.symbol,
        },
    )
    return list(found.mappings())


async def standing_of(asker: Asker, instrument: InstrumentId, index: int | None = 0) -> Standing:
    """What is known of the position, or of the leg with this index; None: of the bigger one, where one of them decides.
    Without a row it is flat, once the account was ever read whole."""
    for held in await held_positions(asker, instrument):
        if index is None or held["position_index"] == index:
            return standing_in(held)
    was_read = await asker.connection.scalar(
        text("SELECT reconciled_at IS NOT NULL FROM accounts WHERE id = :account AND workspace_id = :workspace"),
        {"account": asker.account_id, "workspace": asker.workspace_id},
    )
    flat = Decimal(0) if was_read else None
    return Standing(position_size=flat, position_value=flat)


def standing_in(held: Row) -> Standing:
    value = held["value"]
    if value is None and held["mark_price"] is not None:
        value = held["size"] * held["mark_price"]
    return Standing(
        position_side=held["side"],
        position_size=held["size"],
        position_value=value,
        leverage=held["leverage"],
        liquidation_price=held["liquidation_price"],
    )


async def available(asker: Asker, coin: str) -> Decimal | None:
    """What of a coin may be spent; None while the wallet was never read."""
    account = await require_account(asker.connection, asker.workspace_id, asker.account_id)
    if account["balances_at"] is None:
        return None
    found = await asker.connection.execute(
        text("SELECT * FROM balances WHERE account_id = :account AND workspace_id = :workspace AND coin = :coin"),
        {"account": asker.account_id, "workspace": asker.workspace_id, "coin": coin},
    )
    row = found.mappings().one_or_none()
    return Decimal(0) if row is None else available_of(row)
