"""What can be told: kinds with their severity, and facts. No I/O.

Lives here: `Fact`, `Kind`, `KINDS`, how facts of one kind become one notification (`folded`). Not here: where facts
come from (`facts`, `looks`), who is told (`writing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.money import plain

CHANNEL = "notifications"  # of the bus; the payload is `<workspace id>:<user id>` of whoever has something new

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

Kind = Literal[
    "fill",
    "liquidation",
    "order_failed",
    "order_unknown",
    "limit_hit",
    "kill",
    "kill_released",
    "account_stopped",
    "naked_position",
    "drift",
    "ledger_break",
    "link_lost",
    "link_restored",
    "run",
    "run_failed",
    "bot_silent",
    "price_alert",
]
KINDS: Mapping[Kind, Severity] = {
    "fill": "info",
    "liquidation": "critical",
    "order_failed": "warning",
    "order_unknown": "critical",
    "limit_hit": "warning",
    "kill": "critical",
    "kill_released": "info",
    "account_stopped": "critical",
    "naked_position": "critical",
    "drift": "warning",
    "ledger_break": "warning",
    "link_lost": "warning",
    "link_restored": "info",
    "run": "info",
    "run_failed": "critical",
    "bot_silent": "critical",
    "price_alert": "warning",
}

# Facts that follow each other this closely, unread, are one notification; after so long in all a new one begins.
MERGE_WITHIN = timedelta(seconds=60)
MERGE_FOR = timedelta(minutes=10)

_SHOWN_PRICE = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened, for everybody in a workspace, or for one of them (`user_id`).

    `source` is the same whenever the same thing is read again: nobody is told of it twice. `params` are what the words
    need, as text; `link` says which object it is about. Facts of the same `merge_key` may become one notification.
    """

    source: str
    workspace_id: WorkspaceId
    kind: Kind
    at: datetime  # aware UTC
    params: Mapping[str, str]
    merge_key: str
    link: Mapping[str, str] = field(default_factory=dict)
    user_id: UserId | None = None
    severity: Severity | None = None  # None: that of its kind
    merged: int = 1  # how many it stands for

    @property
    def weight(self) -> Severity:
        return KINDS[self.kind] if self.severity is None else self.severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOf:
    """The account that an event is about."""

    id: UUID
    workspace_id: WorkspaceId
    name: str
    environment: str

    @property
    def params(self) -> dict[str, str]:
        return {"account": self.name, "environment": self.environment}

    def link(self, kind: str, **ids: str) -> dict[str, str]:
        return {"kind": kind, "account_id": str(self.id), **ids}


def folded(earlier: Fact, later: Fact) -> Fact:
    """One fact that stands for both. Quantities of fills are added up, with their mean price; of others the later
    one's words hold."""
    return replace(
        later,
        params=folded_params(later.kind, earlier.params, later.params),
        merged=earlier.merged + later.merged,
        severity=heavier(earlier.weight, later.weight),
    )


def folded_params(kind: Kind, earlier: Mapping[str, Any], later: Mapping[str, str]) -> dict[str, str]:
    if kind not in ("fill", "liquidation"):
        return dict(later)
    quantity = Decimal(earlier["quantity"]) + Decimal(later["quantity"])
    value = Decimal(earlier["value"]) + Decimal(later["value"])
    price = plain((value / quantity).quantize(_SHOWN_PRICE).normalize()) if quantity else later["price"]
    return {**later, "quantity": plain(quantity), "value": plain(value), "price": price}


def heavier(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=SEVERITIES.index)
