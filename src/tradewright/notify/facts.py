"""Which event of an account's journal is worth telling, and as what. No I/O.

Lives here: `fact_of`. Not here: reading the journal (`following`), facts that no event tells (`looks`).
Events are what the browser stream gets (`trading.views`), so the shapes are those of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from tradewright.core.money import plain
from tradewright.notify.model import AccountOf, Fact, Severity

# What of a journal is read: positions and balances move with every tick and say nothing that these do not.
KINDS_READ = ("order", "fill", "drift", "ledger", "protection", "session")

_FAILED = frozenset({"refused", "rejected", "not_sent", "not_placed"})
_LIMIT = "risk."
# Not limits: what the owner has to know before it can judge is not there.
_NO_LIMITS = frozenset({"risk.not_ready", "risk.no_price", "risk.leverage_unread"})
_LIQUIDATIONS = frozenset({"BustTrade", "AdlTrade"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of `account_events`, with whose it is."""

    account: AccountOf
    seq: int
    kind: str
    payload: Mapping[str, Any]
    at: datetime


def fact_of(event: Event) -> Fact | None:
    """What the event comes to; None where nobody needs to be told."""
    found = _READERS.get(event.kind)
    return None if found is None else found(event)


def _order(event: Event) -> Fact | None:
    order = event.payload["order"]
    amend = order["amend"]
    if amend is not None and amend["state"] in ("refused", "rejected"):
        return _failed(event, order, f"amend:{amend['intent_id']}", amend["state"], amend["reason"])
    if order["status"] in _FAILED:
        return _failed(event, order, f"order:{order['id']}", order["status"], order["reason"])
    return None


def _failed(event: Event, order: Mapping[str, Any], source: str, status: str, reason: Any) -> Fact:
    code = "" if reason is None else str(reason["code"])
    is_limit = code.startswith(_LIMIT) and code not in _NO_LIMITS
    kind = "limit_hit" if is_limit else "order_failed"
    severity: Severity | None = "critical" if code == "risk.daily_loss" else None
    place = f"{event.account.id}:{order['category']}:{order['symbol']}"
    return Fact(
        source=f"{source}:{status}",
        workspace_id=event.account.workspace_id,
        kind="limit_hit" if is_limit else "order_failed",
        severity=severity,
        at=event.at,
        params=event.account.params | _of_order(order) | {"status": status, "code": code},
        merge_key=f"{kind}:{place}:{status}:{code}",
        link=event.account.link("order", order_id=str(order["id"])),
    )


def _of_order(order: Mapping[str, Any]) -> dict[str, str]:
    named = ("category", "symbol", "side", "order_type", "quantity", "price")
    return {name: str(order[name]) for name in named if order.get(name) is not None}


def _fill(event: Event) -> Fact | None:
    fill = event.payload["fill"]
    if fill["exec_type"] not in ("Trade", *_LIQUIDATIONS):
        return None  # fundings and settlements are in the ledger
    kind = "liquidation" if fill["exec_type"] in _LIQUIDATIONS else "fill"
    value = Decimal(fill["price"]) * Decimal(fill["quantity"])
    told = {name: str(fill[name]) for name in ("category", "symbol", "side", "price", "quantity")}
    link = event.account.link("fill", exec_id=str(fill["id"]))
    if fill["order_id"] is not None:
        link = event.account.link("order", order_id=str(fill["order_id"]))
    return Fact(
        source=f"fill:{event.account.id}:{fill['id']}",
        workspace_id=event.account.workspace_id,
        kind="liquidation" if fill["exec_type"] in _LIQUIDATIONS else "fill",
        at=event.at,
        params=event.account.params | told | {"value": plain(value)},
        merge_key=f"{kind}:{event.account.id}:{fill['category']}:{fill['symbol']}:{fill['side']}",
        link=link,
    )


def _drift(event: Event) -> Fact | None:
    difference = event.payload["difference"]
    told = {"what": str(event.payload["drift"]["kind"]), "count": str(event.payload["drift_count"])}
    if difference["symbol"] is not None:
        told["symbol"] = str(difference["symbol"])
    return Fact(
        source=f"drift:{difference['id']}",
        workspace_id=event.account.workspace_id,
        kind="drift",
        at=event.at,
        params=event.account.params | told,
        merge_key=f"drift:{event.account.id}",
        link=event.account.link("differences"),
    )


def _ledger(event: Event) -> Fact | None:
    if event.payload["state"] != "broken":
        return None
    return Fact(
        source=f"event:{event.account.id}:{event.seq}",
        workspace_id=event.account.workspace_id,
        kind="ledger_break",
        at=event.at,
        params=event.account.params,
        merge_key=f"ledger_break:{event.account.id}",
        link=event.account.link("ledger"),
    )


def _protection(event: Event) -> Fact | None:
    """Within its grace the guardian only measures; a repair is told, and that it closes the position by itself."""
    told = event.payload["protection"]
    if told["news"] not in ("repairing", "flattening"):
        return None
    place = f"{event.account.id}:{told['category']}:{told['symbol']}:{told['position_index']}"
    severity: Severity = "critical" if told["news"] == "flattening" else "warning"
    return Fact(
        source=f"naked:{place}:{told['naked_since_ms']}:{told['news']}",
        workspace_id=event.account.workspace_id,
        kind="naked_position",
        severity=severity,
        at=event.at,
        params=event.account.params
        | {name: str(told[name]) for name in ("category", "symbol", "side", "stop", "news") if told.get(name)},
        merge_key=f"naked:{place}",
        link=event.account.link("position", category=str(told["category"]), symbol=str(told["symbol"])),
    )


def _session(event: Event) -> Fact | None:
    """The exchange itself has stopped an account: a ban, a key that is no good any more."""
    stopped = event.payload["account"]["stopped"]
    if stopped is None:
        return None
    return Fact(
        source=f"stopped:{event.account.id}:{stopped['since_ms']}",
        workspace_id=event.account.workspace_id,
        kind="account_stopped",
        at=event.at,
        params=event.account.params | {"exchange_code": str(stopped["exchange_code"])},
        merge_key=f"stopped:{event.account.id}",
        link=event.account.link("account"),
    )


_READERS = cast(
    "Mapping[str, Callable[[Event], Fact | None]]",
    {
        "order": _order,
        "fill": _fill,
        "drift": _drift,
        "ledger": _ledger,
        "protection": _protection,
        "session": _session,
    },
)
