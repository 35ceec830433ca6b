"""A person decides on a difference: adopt, ignore or close.

Lives here: `decide`, with its audit row, in the caller's transaction. Not here: who may (`web`), what the account's
owner does then: it tells, cancels and closes (`keeper`).

A size that is adopted or closed moves the base, so that fills add up again; what the close takes off is a fill of ours.
The account's own row is left to its owner, who locks it before and after those of positions: two that wait for each
other would be a deadlock.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.errors import NotFound
from tradewright.core.ids import made_id
from tradewright.storage.bus import notify
from tradewright.trading.asking import Asker, must_not_rest
from tradewright.trading.differences.model import (
    CHANNEL,
    FOREIGN_ORDERS,
    SIZE,
    Decision,
    DifferenceChanged,
    State,
    choices,
)
from tradewright.trading.differences.queries import difference_view, size_of
from tradewright.trading.queries import require_account
from tradewright.trading.views import Row

_BECOMES: dict[Decision, State] = {"adopt": "adopted", "ignore": "ignored", "close": "closing"}


async def decide(
    asker: Asker, difference_id: UUID, decision: Decision, *, version: int, always: bool
) -> dict[str, Any]:
    """The difference as it is shown then. Decided in the same way on the same version before, nothing changes.

    Raises `NotFound` for one of another account or workspace, `DifferenceChanged` when it is another one by now or
    this cannot be decided on it, `AccountResting`.
    """
    account = await require_account(asker.connection, asker.workspace_id, asker.account_id)
    row = await _row(asker, difference_id)
    always = always and decision == "ignore" and row["kind"] == "order.foreign"
    if (row["decision"], row["decided_version"], row["always"]) == (decision, version, always):
        return difference_view(row)
    allowed = choices(row["kind"], row["state"], row["part"], size_of(row["after"]))
    if row["version"] != version or decision not in allowed:
        raise DifferenceChanged(
            f"the difference {difference_id} is {row['state']} in version {row['version']}, where"
            f" {', '.join(allowed) or 'nothing'} may be decided; {decision} was asked of version {version}: read it"
            " again"
        )
    must_not_rest(account)
    if decision != "ignore":
        await _take_over(asker, row, decision)
    decided = await _decided(asker, row, decision, always=always)
    await _audit(asker, row, decided)
    await notify(asker.connection, CHANNEL, str(asker.account_id))
    return difference_view(decided)


async def _row(asker: Asker, difference_id: UUID) -> Row:
    found = await asker.connection.execute(
        text(
            "SELECT * FROM differences WHERE id = :id AND account_id = :account AND workspace_id = :workspace"
            " FOR UPDATE"
        ),
        {"id": difference_id, "account": asker.account_id, "workspace": asker.workspace_id},
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no difference {difference_id} on this account")
    return row


async def _take_over(asker: Asker, row: Row, decision: Decision) -> None:
    if row["kind"] == SIZE:
        await asker.connection.execute(
            text(
                "UPDATE positions SET base_size = coalesce(base_size, 0) + :part WHERE account_id = :account"
                " AND category = :category AND symbol = :symbol AND position_index = :index"
            ),
            {
                "part": row["part"],
                "account": asker.account_id,
                "category": row["category"],
                "symbol": row["symbol"],
                "index": row["position_index"],
            },
        )
    elif row["kind"] in FOREIGN_ORDERS and decision == "adopt":
        await asker.connection.execute(
            text(
                "UPDATE orders SET adopted_by = :user, version = version + 1, updated_at = clock_timestamp()"
                " WHERE account_id = :account AND id = :id AND intent_id IS NULL"
            ),
            {"user": asker.user_id, "account": asker.account_id, "id": row["order_id"]},
        )


async def _decided(asker: Asker, row: Row, decision: Decision, *, always: bool) -> Row:
    # An order that ended meanwhile is closed by nobody: the owner sees that as well.
    changed = await asker.connection.execute(
        text(
            "UPDATE differences SET state = :state, decision = :decision, decided_version = version,"
            " decided_by = :user, decided_at = clock_timestamp(), always = :always, why = NULL, told = false,"
            " close_id = :close, ended_at = CASE WHEN :state = 'adopted' THEN clock_timestamp() END,"
            " version = version + 1 WHERE id = :id AND account_id = :account RETURNING *"
        ),
        {
            "state": _BECOMES[decision],
            "decision": decision,
            "user": asker.user_id,
            "always": always,
            # Of this decision: one that failed and is decided again is another wish.
            "close": made_id("difference", str(row["id"]), str(row["version"])) if decision == "close" else None,
            "id": row["id"],
            "account": asker.account_id,
        },
    )
    return changed.mappings().one()


async def _audit(asker: Asker, before: Row, after: Row) -> None:
    shown = difference_view(after)
    await record(
        asker.connection,
        AuditEntry(
            id=asker.ids.new(),
            workspace_id=asker.workspace_id,
            account_id=asker.account_id,
            at=asker.clock.now(),
            actor_kind="user",
            actor_id=asker.user_id,
            action=f"difference.{after['decision']}",
            object_kind="difference",
            object_id=str(after["id"]),
            before={"state": before["state"], "version": before["version"]},
            after={
                name: shown[name]
                for name in ("kind", "subject", "before", "after", "foreign", "state", "always", "version")
            },
            ip=asker.ip,
            outcome="done",
        ),
    )
